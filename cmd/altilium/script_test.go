package main

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"net"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/altilium-db/altilium/resp"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"altilium": main})
}

// TestScripts runs the scenarios in testdata/script, each a command line session
// with its files. Beside testscript's own commands there are:
//
//	server start [flag …]   a server on a free port; sets $ADDR and $PORT
//	server stop|kill        an interrupt, with exit code 0; kill -9
//	server said PATTERN     its standard error so far matches
//	redis [WORD …]          sends a command to $ADDR and prints the reply; ! wants an error
//	exit N PROGRAM …        the program ends with that exit code
//	newer DIR               gives a data directory a format of the future
func TestScripts(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the scenarios stop servers with an interrupt, which Windows does not have")
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Values[serverKey{}] = &scriptServer{}
			env.Setenv("NO_COLOR", "1")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"server": serverCommand, "redis": redisCommand, "exit": exitCommand, "newer": newerCommand,
		},
	})
}

type serverKey struct{}

// scriptServer is the server of one scenario.
type scriptServer struct {
	cmd  *exec.Cmd
	mu   sync.Mutex
	said bytes.Buffer
	done chan error
}

func (s *scriptServer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.Write(p)
}

func (s *scriptServer) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.String()
}

func serverCommand(ts *testscript.TestScript, neg bool, args []string) {
	s := ts.Value(serverKey{}).(*scriptServer)
	switch {
	case neg || len(args) == 0:
		ts.Fatalf("usage: server start|stop|kill|said")
	case args[0] == "start":
		s.start(ts, args[1:])
	case args[0] == "stop":
		ts.Check(s.cmd.Process.Signal(os.Interrupt))
		s.wait(ts, true)
	case args[0] == "kill":
		ts.Check(s.cmd.Process.Kill())
		s.wait(ts, false)
	case args[0] == "said":
		if !regexp.MustCompile("(?m)" + args[1]).MatchString(s.text()) {
			ts.Fatalf("no match for %q in:\n%s", args[1], s.text())
		}
	}
}

var listeningOn = regexp.MustCompile(`listening on (127\.0\.0\.1:([0-9]+))`)

func (s *scriptServer) start(ts *testscript.TestScript, flags []string) {
	s.said.Reset()
	s.cmd = exec.Command(lookIn(ts.Getenv("PATH"), "altilium"), append([]string{"serve", "--port", "0"}, flags...)...)
	s.cmd.Dir = ts.MkAbs(".")
	s.cmd.Stdout, s.cmd.Stderr = s, s
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "ALTILIUM_REQUIREPASS", "NO_COLOR"} {
		if v := ts.Getenv(name); v != "" {
			s.cmd.Env = append(s.cmd.Env, name+"="+v)
		}
	}
	ts.Check(s.cmd.Start())
	done := make(chan error, 1)
	s.done = done
	cmd := s.cmd
	go func() { done <- cmd.Wait() }()
	ts.Defer(func() { _ = cmd.Process.Kill() })
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if m := listeningOn.FindStringSubmatch(s.text()); m != nil && strings.Contains(s.text(), "ready") {
			ts.Setenv("ADDR", m[1])
			ts.Setenv("PORT", m[2])
			return
		}
		select {
		case err := <-done:
			ts.Fatalf("the server ended: %v\n%s", err, s.text())
		default:
		}
		if time.Now().After(deadline) {
			ts.Fatalf("the server is not ready after 30 s:\n%s", s.text())
		}
	}
}

// lookIn finds a program in a list of directories.
func lookIn(path, name string) string {
	for _, dir := range strings.Split(path, string(os.PathListSeparator)) {
		if _, err := os.Stat(dir + "/" + name); err == nil {
			return dir + "/" + name
		}
	}
	return name
}

func (s *scriptServer) wait(ts *testscript.TestScript, wantZero bool) {
	select {
	case err := <-s.done:
		if wantZero && err != nil {
			ts.Fatalf("the server ended with %v:\n%s", err, s.text())
		}
	case <-time.After(30 * time.Second):
		ts.Fatalf("the server goes on:\n%s", s.text())
	}
}

func redisCommand(ts *testscript.TestScript, neg bool, args []string) {
	conn, err := net.DialTimeout("tcp", ts.Getenv("ADDR"), 10*time.Second)
	ts.Check(err)
	defer conn.Close()
	ts.Check(conn.SetDeadline(time.Now().Add(30 * time.Second)))
	words := make([][]byte, 0, len(args))
	for _, a := range args {
		words = append(words, []byte(a))
	}
	_, err = conn.Write(resp.AppendCommand(nil, words...))
	ts.Check(err)
	v, err := resp.NewReader(conn).Read()
	ts.Check(err)
	fmt.Fprintln(ts.Stdout(), v)
	if v.IsError() != neg {
		ts.Fatalf("%s: %s", strings.Join(args, " "), v)
	}
}

func exitCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit N PROGRAM ARG…")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // as Exec returns it
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

func newerCommand(ts *testscript.TestScript, neg bool, args []string) {
	path := ts.MkAbs(args[0] + "/MANIFEST")
	raw := []byte(ts.ReadFile(path))
	body := bytes.Replace(raw[:bytes.LastIndex(raw, []byte("crc32c "))], []byte(`"format": 1`), []byte(`"format": 99`), 1)
	sum := crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli))
	ts.Check(os.WriteFile(path, fmt.Appendf(body, "crc32c %08x\n", sum), 0o600))
}

// TestHelp: every verb says what it is for, with an example, and those that show
// something can show it as JSON.
func TestHelp(t *testing.T) {
	// at prints replies as redis-cli does, cli is one; replay prints a verdict.
	noJSON := map[string]bool{"serve": true, "at": true, "cli": true, "restore": true, "record": true, "replay": true, "import": true,
		"checkpoint": true, "version": true}
	for _, cmd := range newRoot().Commands() {
		if cmd.Name() == "help" || cmd.Name() == "completion" {
			continue
		}
		if cmd.Short == "" || cmd.Long == "" || !strings.Contains(cmd.Example, "altilium "+cmd.Name()) {
			t.Errorf("%s: help without text or example", cmd.Name())
		}
		if hasJSON(cmd) == noJSON[cmd.Name()] {
			t.Errorf("%s: --json %v", cmd.Name(), hasJSON(cmd))
		}
	}
	if code := run(context.Background(), []string{"nosuch"}); code != exitUsage {
		t.Errorf("an unknown verb: exit code %d", code)
	}
}

func hasJSON(cmd *cobra.Command) bool { return cmd.Flags().Lookup("json") != nil }
