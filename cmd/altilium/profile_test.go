package main

import (
	"context"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkProfile is a server under the commands that are used most, sent by
// redis-benchmark. Its processor profile is default.pgo beside this file: by that the
// compiler chooses what it inlines. It is made again, when hot code has moved, with
//
//	go test ./cmd/altilium -trimpath -run '^$' -bench Profile -benchtime 3x -o /dev/null -cpuprofile cmd/altilium/default.pgo
//
// A profile is a hint: an old one, or none (-pgo=off), makes the program slower and changes
// nothing else. It is by the names of functions: one method on the path of every lookup had
// another receiver, and RPOP took a third more processor time until it was made again.
func BenchmarkProfile(b *testing.B) {
	client, err := exec.LookPath("redis-benchmark")
	if err != nil {
		b.Skip("redis-benchmark is not installed")
	}
	port := serveFor(b)
	load := func(pipeline, n int, tests string) {
		out, err := exec.Command(client, "-p", port, "-q", "-c", "50", "-r", "1000000", "-d", "32",
			"-P", strconv.Itoa(pipeline), "-n", strconv.Itoa(n), "-t", tests).CombinedOutput()
		if err != nil {
			b.Fatalf("redis-benchmark: %v\n%s", err, out)
		}
	}
	load(64, 1_000_000, "set,incr,sadd,hset")
	for b.Loop() {
		for _, pipeline := range []int{1, 16, 64} {
			load(pipeline, min(30_000*pipeline, 600_000), "set,get,incr,hset,sadd,zadd,lpush,rpop,lpop,xadd")
			load(pipeline, min(3_000*pipeline, 60_000), "mset,spop,lrange_100")
		}
	}
}

// serveFor runs a server in this process for as long as the benchmark lasts.
func serveFor(b *testing.B) (port string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	_, port, _ = net.SplitHostPort(ln.Addr().String())
	ln.Close()
	ctx, stop := context.WithCancel(b.Context())
	root := newRoot()
	root.SetErr(io.Discard)
	root.SetArgs([]string{"serve", "--port", port, "--dir", filepath.Join(b.TempDir(), "data"), "--checkpoint-growth", "0"})
	ended := make(chan error, 1)
	go func() { ended <- root.ExecuteContext(ctx) }()
	b.Cleanup(func() {
		stop()
		if err := <-ended; err != nil && !strings.Contains(err.Error(), "interrupt") {
			b.Errorf("serve: %v", err)
		}
	})
	for range 100 {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			c.Close()
			return port
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.Fatal("the server does not listen")
	return ""
}
