package main

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/altilium-db/altilium/replay/session"
	"github.com/altilium-db/altilium/resp"
	"github.com/rogpeppe/go-internal/testscript"
)

// patience is how long a scenario waits for what must come.
const patience = 30 * time.Second

// serversKey finds the servers of a scenario, by name.
type serversKey struct{}

// scriptServer is a server of a scenario.
type scriptServer struct {
	name string
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
	name := ""
	if len(args) > 0 && strings.HasPrefix(args[0], "@") {
		name, args = args[0][1:], args[1:]
	}
	if len(args) == 0 || neg && args[0] != "said" {
		ts.Fatalf("usage: server [@NAME] start|stop|term|kill|said")
	}
	servers := ts.Value(serversKey{}).(map[string]*scriptServer)
	if args[0] == "start" {
		servers[name] = &scriptServer{name: name}
		servers[name].start(ts, args[1:])
		return
	}
	s := servers[name]
	if s == nil {
		ts.Fatalf("there is no server %q", name)
	}
	switch args[0] {
	case "stop":
		s.end(ts, os.Interrupt)
	case "term":
		s.end(ts, syscall.SIGTERM)
	case "kill":
		s.end(ts, os.Kill)
	case "said":
		if regexp.MustCompile("(?m)"+args[1]).MatchString(s.text()) == neg {
			ts.Fatalf("%q matches: %v, in:\n%s", args[1], neg, s.text())
		}
	default:
		ts.Fatalf("server: %q?", args[0])
	}
}

var listeningOn = regexp.MustCompile(`listening on (\S+:([0-9]+))\n`)

func (s *scriptServer) start(ts *testscript.TestScript, flags []string) {
	cmd := exec.Command(lookIn(ts.Getenv("PATH"), "altilium"), append([]string{"serve", "--port", "0"}, flags...)...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Stdout, cmd.Stderr = s, s
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "ALTILIUM_REQUIREPASS", "ALTILIUM_DIR", "NO_COLOR", "GOCOVERDIR"} {
		if v := ts.Getenv(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	ts.Check(cmd.Start())
	s.cmd, s.done = cmd, make(chan error, 1)
	go func() { s.done <- cmd.Wait() }()
	ts.Defer(func() { _ = cmd.Process.Kill() })
	suffix := ""
	if s.name != "" {
		suffix = "_" + s.name
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if m := listeningOn.FindStringSubmatch(s.text()); m != nil && strings.Contains(s.text(), "ready") {
			ts.Setenv("ADDR"+suffix, m[1])
			ts.Setenv("PORT"+suffix, m[2])
			return
		}
		select {
		case err := <-s.done:
			ts.Fatalf("the server ended: %v\n%s", err, s.text())
		default:
		}
		if time.Now().After(deadline) {
			ts.Fatalf("the server is not ready after %v:\n%s", patience, s.text())
		}
	}
}

// lookIn finds a program in a list of directories.
func lookIn(path, name string) string {
	for _, dir := range filepath.SplitList(path) {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return filepath.Join(dir, name)
		}
	}
	return name
}

// end sends a signal and waits; but for a kill the server must end well.
func (s *scriptServer) end(ts *testscript.TestScript, how os.Signal) {
	ts.Check(s.cmd.Process.Signal(how))
	select {
	case err := <-s.done:
		if how != os.Kill && err != nil {
			ts.Fatalf("the server ended with %v:\n%s", err, s.text())
		}
	case <-time.After(patience):
		ts.Fatalf("the server goes on:\n%s", s.text())
	}
}

func redisCommand(ts *testscript.TestScript, neg bool, args []string) {
	conn, err := net.DialTimeout("tcp", ts.Getenv("ADDR"), patience)
	ts.Check(err)
	defer conn.Close()
	ts.Check(conn.SetDeadline(time.Now().Add(patience)))
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
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

func appearsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: appears FILE PATTERN")
	}
	want := regexp.MustCompile("(?m)" + args[1])
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		raw, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && want.Match(raw) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("no match for %q in %s (%v):\n%s", args[1], args[0], err, raw)
		}
	}
}

func flipCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip FILE BYTE")
	}
	path := ts.MkAbs(args[0])
	raw := []byte(ts.ReadFile(path))
	at, err := strconv.Atoi(args[1])
	ts.Check(err)
	if at < 0 {
		at += len(raw)
	}
	raw[at] ^= 0xff
	ts.Check(os.WriteFile(path, raw, 0o600))
}

func newerCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: newer DIR")
	}
	path := ts.MkAbs(args[0] + "/MANIFEST")
	raw := []byte(ts.ReadFile(path))
	body := regexp.MustCompile(`"format": [0-9]+`).ReplaceAll(raw[:bytes.LastIndex(raw, []byte("crc32c "))], []byte(`"format": 99`))
	sum := crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli))
	ts.Check(os.WriteFile(path, fmt.Appendf(body, "crc32c %08x\n", sum), 0o600))
}

func forgeCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: forge OLD NEW COMMAND REPLY")
	}
	r, err := session.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer r.Close()
	w, err := session.Create(ts.MkAbs(args[1]), r.Header)
	ts.Check(err)
	forged := 0
	for {
		step, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		ts.Check(err)
		if step.Kind == resp.StepCommand && strings.EqualFold(string(step.Args[0]), args[2]) {
			step.Reply = []byte(args[3] + "\r\n")
			forged++
		}
		ts.Check(w.Step(step))
	}
	ts.Check(w.Close())
	if forged == 0 {
		ts.Fatalf("no %s in %s", args[2], args[0])
	}
}
