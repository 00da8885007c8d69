package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal opens a pseudo terminal: what is written to tty can be read from pty.
func terminal(t *testing.T) (pty, tty *os.File) {
	t.Helper()
	pty, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	t.Cleanup(func() { pty.Close() })
	if err := unix.IoctlSetPointerInt(int(pty.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	n, err := unix.IoctlGetInt(int(pty.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	t.Cleanup(func() { tty.Close() })
	return pty, tty
}

// seen gives what a terminal was sent, once every descriptor of its other side is
// closed.
func seen(pty *os.File) <-chan string {
	all := make(chan string, 1)
	go func() {
		raw, _ := io.ReadAll(pty) // ends with an error when the other side is closed
		all <- string(raw)
	}()
	return all
}

// TestColour: on a terminal only, and not where NO_COLOR is set to something.
func TestColour(t *testing.T) {
	for noColor, want := range map[string]bool{"": true, "1": false} {
		pty, tty := terminal(t)
		t.Setenv("NO_COLOR", noColor)
		all := seen(pty)
		l := newLogger(tty, func() string { return "notice" })
		l.Info().Msg("hello")
		tty.Close()
		text := <-all
		if !strings.Contains(text, "hello") || strings.Contains(text, "\x1b[") != want {
			t.Errorf("NO_COLOR=%q: %q", noColor, text)
		}
	}
	t.Setenv("NO_COLOR", "")
	var out strings.Builder
	l := newLogger(&out, func() string { return "notice" })
	l.Info().Msg("hello")
	if strings.Contains(out.String(), "\x1b[") {
		t.Errorf("colour in a file: %q", out.String())
	}
}

// TestProgress: a bar is drawn on a terminal, taken away at the end, and never
// drawn elsewhere.
func TestProgress(t *testing.T) {
	pty, tty := terminal(t)
	all := seen(pty)
	report, done := progress(tty, "reading the log")
	for began := time.Now(); time.Since(began) < 300*time.Millisecond; time.Sleep(time.Millisecond) {
		report(40, 100) // it is drawn every 100 ms at most
	}
	report(100, 100)
	done()
	tty.Close()
	if text := <-all; !strings.Contains(text, "reading the log") || !strings.Contains(text, "40%") {
		t.Errorf("the terminal shows %q", text)
	}

	var out strings.Builder
	report, done = progress(&out, "reading the log")
	if report != nil {
		t.Error("progress is reported to a file")
	}
	done()
	if out.Len() > 0 {
		t.Errorf("a file got %q", out.String())
	}
}

// TestPrompt: with a terminal as its input a verb shows a prompt, which says
// where one is, the arrow up brings a line back, and a tab parts words; from a pipe it does
// not (the scenarios).
func TestPrompt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	if err := prepareDir(dir); err != nil {
		t.Fatal(err)
	}
	pty, tty := terminal(t)
	all := seen(pty)
	program, err := exec.LookPath("altilium") // where the scenarios have it
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "at", "--dir", dir, "@0")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := pty.WriteString("DBSIZE\n\x1b[A\nEXISTS\ta\ta\nEXIT\n"); err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer watchdog.Stop()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	tty.Close()
	if text := <-all; !strings.Contains(text, "@0> ") || strings.Count(text, "(integer) 0") != 3 {
		t.Errorf("the terminal shows %q", text)
	}
}
