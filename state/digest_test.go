package state

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/state/event"
)

func TestDigestTellsStatesApart(t *testing.T) {
	seen := map[uint64]string{}
	for name, record := range map[string]func(*event.Buffer){
		"empty":          func(*event.Buffer) {},
		"string":         func(b *event.Buffer) { b.String([]byte("k"), []byte("v"), 0) },
		"other value":    func(b *event.Buffer) { b.String([]byte("k"), []byte("w"), 0) },
		"other key":      func(b *event.Buffer) { b.String([]byte("l"), []byte("v"), 0) },
		"expiry":         func(b *event.Buffer) { b.String([]byte("k"), []byte("v"), 1) },
		"other database": func(b *event.Buffer) { b.Database(1); b.String([]byte("k"), []byte("v"), 0) },
		"hash":           func(b *event.Buffer) { b.HashSet([]byte("k"), []byte("f"), []byte("v")) },
		"swapped":        func(b *event.Buffer) { b.HashSet([]byte("k"), []byte("v"), []byte("f")) },
		"two fields":     func(b *event.Buffer) { b.HashSet([]byte("k"), []byte("f"), []byte("v"), []byte("g"), []byte("w")) },
		"values swapped": func(b *event.Buffer) { b.HashSet([]byte("k"), []byte("f"), []byte("w"), []byte("g"), []byte("v")) },
	} {
		s := New(0)
		apply(t, s, 0, record)
		if other, ok := seen[s.Digest()]; ok {
			t.Errorf("%q and %q have the same digest", name, other)
		}
		seen[s.Digest()] = name
	}
}

// TestDigestOfManyStates: the keys 0 to n-1 with the values of a counter in
// some order, one state for each order: sums must not cancel.
func TestDigestOfManyStates(t *testing.T) {
	seen := map[uint64]int{}
	s := New(0)
	for i := range 20000 {
		// The same six values on the same six keys in another arrangement, and
		// numbers that differ in one bit.
		key, value := fmt.Appendf(nil, "%d", i%6), fmt.Appendf(nil, "%d", i/6^i%6)
		apply(t, s, i%2, func(b *event.Buffer) { b.HashSet([]byte("h"), key, value); b.String(key, value, int64(i&3)) })
		if before, ok := seen[s.Digest()]; ok {
			t.Fatalf("steps %d and %d have the same digest", before, i)
		}
		seen[s.Digest()] = i
	}
}

// TestDigestForgetsHistory: two states that came to be in other ways have the
// same digest, and the same order, when they hold the same.
func TestDigestForgetsHistory(t *testing.T) {
	forth, back := New(0), New(0)
	for i := range 100 {
		j := 99 - i
		apply(t, forth, 0, func(b *event.Buffer) { b.String(fmt.Appendf(nil, "%d", i), nil, int64(i)) })
		apply(t, back, 1, func(b *event.Buffer) {
			b.HashSet(fmt.Appendf(nil, "%d", j), []byte("f"), []byte("v"))
			b.String([]byte("gone"), []byte("x"), 7)
			b.String(fmt.Appendf(nil, "%d", j), []byte("other"), 9)
			b.String(fmt.Appendf(nil, "%d", j), nil, int64(j))
			b.Delete([]byte("gone"), event.User)
		})
	}
	apply(t, back, 0, func(b *event.Buffer) { b.Swap(0, 1) })
	if forth.Digest() != back.Digest() || forth.RedisDigest() != back.RedisDigest() || dump(forth) != dump(back) {
		t.Errorf("%016x and %016x, or another order", forth.Digest(), back.Digest())
	}
	empty := New(0)
	apply(t, forth, 0, func(b *event.Buffer) { b.FlushAll() })
	if forth.Digest() != empty.Digest() || forth.RedisDigest() != [20]byte{} {
		t.Error("an emptied state is not as an empty one")
	}
}

// TestLateDigests: long strings that change in part are hashed when the digest is
// asked for. Whatever happens to them in between, the sum is right then, and no
// string is kept in mind that is gone.
func TestLateDigests(t *testing.T) {
	k, x := []byte("k"), []byte("x")
	for name, record := range map[string]func(*event.Buffer){
		"nothing":             func(*event.Buffer) {},
		"edited again":        func(b *event.Buffer) { b.Range(k, 7, x); b.Append(k, x) },
		"expiry":              func(b *event.Buffer) { b.Expire(k, 5) },
		"deleted":             func(b *event.Buffer) { b.Delete(k, event.User) },
		"overwritten":         func(b *event.Buffer) { b.String(k, x, 0) },
		"replaced by a hash":  func(b *event.Buffer) { b.Delete(k, event.User); b.HashSet(k, x, x) },
		"renamed":             func(b *event.Buffer) { b.Rename(k, x) },
		"renamed and back":    func(b *event.Buffer) { b.Rename(k, x); b.Rename(x, k) },
		"replaced by another": func(b *event.Buffer) { b.String(x, x, 0); b.Rename(x, k) },
		"copied":              func(b *event.Buffer) { b.Copy(k, x, 0); b.Append(x, x) },
		"copied elsewhere":    func(b *event.Buffer) { b.Copy(k, k, 3) },
		"moved":               func(b *event.Buffer) { b.Move(k, 3) },
		"swapped":             func(b *event.Buffer) { b.Swap(0, 3) },
		"flushed":             func(b *event.Buffer) { b.Flush(0) },
		"all flushed":         func(b *event.Buffer) { b.FlushAll() },
	} {
		s := New(0)
		apply(t, s, 0, func(b *event.Buffer) {
			b.String(k, make([]byte, lateFrom), 0)
			b.Append(k, x)
		})
		if len(s.dbs[0].dirty) != 1 {
			t.Fatal("nothing was put off")
		}
		apply(t, s, 0, record)
		invariants(t, s)
		if s.Digest() != s.RecomputeDigest() {
			t.Errorf("%s: the digest is wrong", name)
		}
		invariants(t, s)
		for db, d := range s.dbs {
			if len(d.dirty) > 0 {
				t.Errorf("%s: %d entries of db %d are still dirty", name, len(d.dirty), db)
			}
		}
	}
}

// TestRedisDigest compares with DEBUG DIGEST of a real server.
func TestRedisDigest(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed: the digest is not compared with a real one")
	}
	conn, err := net.Dial("tcp", startRedis(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := &redis{t: t, conn: conn, in: bufio.NewReader(conn)}
	rng := rand.New(rand.NewPCG(1, 2))
	s := New(0)
	for round := range 60 {
		db, key := rng.IntN(3), randomText(rng)
		r.do("SELECT", fmt.Sprint(db))
		apply(t, s, db, func(b *event.Buffer) {
			switch text := randomText(rng); {
			case s.View(db, 0).Type([]byte(key)) != None:
				r.do("DEL", key)
				b.Delete([]byte(key), event.User)
			case round%3 == 0:
				r.do("SET", key, text)
				b.String([]byte(key), []byte(text), 0)
			case round%3 == 1:
				r.do("SET", key, "12345", "PXAT", "4000000000000")
				b.String([]byte(key), []byte("12345"), 4_000_000_000_000)
			default:
				for range rng.IntN(5) + 1 {
					field := randomText(rng)
					r.do("HSET", key, field, text)
					b.HashSet([]byte(key), []byte(field), []byte(text))
				}
			}
		})
		ours := s.RedisDigest()
		if got, want := hex.EncodeToString(ours[:]), r.do("DEBUG", "DIGEST"); "+"+got != want {
			t.Fatalf("round %d: %s, redis-server says %s", round, got, want)
		}
		r.do("DEBUG", "DIGEST-VALUE", key) // an array of one
		want, err := r.in.ReadString('\n')
		ours = s.View(db, 0).RedisDigest([]byte(key))
		if got := hex.EncodeToString(ours[:]); err != nil || "+"+got+"\r\n" != want {
			t.Fatalf("round %d: the value: %s, redis-server says %q (%v)", round, got, want, err)
		}
	}
	if s.TotalKeys() < 10 {
		t.Fatalf("only %d keys were compared", s.TotalKeys())
	}
}

// randomText is up to a hundred bytes of any value.
func randomText(rng *rand.Rand) string {
	p := make([]byte, rng.IntN(100))
	for i := range p {
		p[i] = byte(rng.IntN(256))
	}
	return string(p)
}

// redis is the client's end of a connection.
type redis struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

// do sends a command and returns the line that it is answered with.
func (r *redis) do(args ...string) string {
	r.t.Helper()
	var out strings.Builder
	fmt.Fprintf(&out, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&out, "$%d\r\n%s\r\n", len(a), a)
	}
	if err := r.conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.conn.Write([]byte(out.String())); err != nil {
		r.t.Fatal(err)
	}
	line, err := r.in.ReadString('\n')
	if err != nil || strings.HasPrefix(line, "-") {
		r.t.Fatalf("%q: %q, %v", args, line, err)
	}
	return strings.TrimSpace(line)
}

// startRedis starts a redis-server on a free port.
func startRedis(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", t.TempDir(), "--save", "", "--enable-debug-command", "yes")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(10 * time.Second); ; {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			return addr
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
