package command_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/altilium-db/altilium/resp"
	"github.com/cockroachdb/datadriven"
)

// TestDifferential runs the transcripts against redis-server and compares each
// reply with ours, and after each block the whole content by DEBUG DIGEST. Each
// transcript runs twice, so that every command is seen in RESP2 and in RESP3.
//
// A block marked ours runs there too, so that the two do not drift apart more
// than they must, but is not compared; from there on the content is compared
// only after the next block marked fresh.
func TestDifferential(t *testing.T) {
	redis := startRedis(t)
	eachTranscript(t, func(t *testing.T, path string) {
		redis.compareTranscript(t, path, func(asked int) int { return asked })
		redis.compareTranscript(t, path, func(asked int) int { return 5 - asked })
	})
}

// compareTranscript runs a transcript on both sides, each block in the protocol
// that is made of the one it asks for.
func (r *redis) compareTranscript(t *testing.T, path string, protocol func(asked int) int) {
	w := newWorld()
	r.fresh(t)
	drifted := false
	datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
		b := readBlock(t, d)
		if b.fresh {
			r.fresh(t)
			drifted = false
		}
		b.protocol = protocol(b.protocol)
		r.speak(t, b.protocol)
		w.prepare(b, b.protocol)
		drifted = drifted || b.ours
		r.compareBlock(t, w, b)
		if !drifted && !w.st.Due(w.now) {
			r.compareContent(t, w, b.pos)
		}
		return d.Expected
	})
}

func (r *redis) compareBlock(t *testing.T, w *world, b block) {
	calls := make([][][]byte, len(b.lines))
	for i, line := range b.lines {
		calls[i] = words(line)
	}
	for i, theirs := range r.doAll(t, calls) {
		o, err := w.do(calls[i])
		if err != nil {
			t.Fatalf("%s: %s: %v", b.pos, b.lines[i], err)
		}
		ours, theirs := render(o.reply, b.sorted), render(theirs, b.sorted)
		if !b.ours && ours != theirs {
			t.Errorf("%s: %s\nours:  %s\nredis: %s", b.pos, b.lines[i], ours, theirs)
		}
	}
}

// compareContent compares all keys, values, and which keys expire.
func (r *redis) compareContent(t fatal, w *world, where string) {
	theirs := r.do(t, []byte("DEBUG"), []byte("DIGEST")).Text()
	if ours := fmt.Sprintf("%x", w.st.RedisDigest()); ours != theirs {
		t.Fatalf("%s: DEBUG DIGEST\nours:  %s\nredis: %s", where, ours, theirs)
	}
}

// redis is a redis-server of this test's own.
type redis struct {
	conn net.Conn
	in   *resp.Reader
}

// startRedis starts redis-server on a socket in a directory of its own, and
// ends it with the test. Without one on PATH the test is skipped.
func startRedis(t testing.TB) *redis {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("not compared with Redis: there is no redis-server on PATH (Debian: apt-get install redis-server)")
	}
	dir, err := os.MkdirTemp("", "redis") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "socket")
	server := exec.Command(path, "--port", "0", "--unixsocket", socket, "--dir", dir,
		"--save", "", "--appendonly", "no", "--enable-debug-command", "yes")
	server.Env = append(os.Environ(), "LC_ALL=C") // by which SORT compares texts
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait() // reports the kill
		_ = os.RemoveAll(dir)
	})
	return connectRedis(t, socket)
}

// connectRedis waits for the server to listen.
func connectRedis(t testing.TB, socket string) *redis {
	t.Helper()
	for range 1000 {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			t.Cleanup(func() { _ = conn.Close() })
			return &redis{conn: conn, in: resp.NewReader(conn)}
		}
		if !errors.Is(err, os.ErrNotExist) && !isRefused(err) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("redis-server does not listen after 10 s")
	return nil
}

func isRefused(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// fatal is what *testing.T and *rapid.T have in common here.
type fatal interface {
	Fatalf(format string, args ...any)
}

// doAll sends commands in one piece and reads their replies. Redis carries
// them out at one go, so that its clock hardly moves in between: what TTL
// answers can be compared, however busy the machine is.
func (r *redis) doAll(t fatal, calls [][][]byte) []resp.Value {
	var request []byte
	for _, args := range calls {
		request = resp.AppendCommand(request, args...)
	}
	if _, err := r.conn.Write(request); err != nil {
		t.Fatalf("redis-server: %v", err)
	}
	replies := make([]resp.Value, len(calls))
	for i, args := range calls {
		v, err := r.in.Read()
		if err != nil {
			t.Fatalf("redis-server: %q: %v", args, err)
		}
		replies[i] = v
	}
	return replies
}

// do sends one command and reads its reply.
func (r *redis) do(t fatal, args ...[]byte) resp.Value {
	return r.doAll(t, [][][]byte{args})[0]
}

// must runs a line that cannot fail.
func (r *redis) must(t fatal, line string) {
	if v := r.do(t, words(line)...); v.IsError() {
		t.Fatalf("redis-server: %s: %s", line, v)
	}
}

func (r *redis) fresh(t fatal) {
	r.must(t, "SELECT 0")
	r.must(t, "FLUSHALL")
}

func (r *redis) speak(t fatal, protocol int) { r.must(t, fmt.Sprintf("HELLO %d", protocol)) }
