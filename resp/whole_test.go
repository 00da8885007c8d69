package resp

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// arrive gives a parser bytes before anybody asks it for commands.
func arrive(p *Parser, wire string) {
	for len(wire) > 0 {
		n := copy(p.Space(), wire)
		p.Filled(n)
		wire = wire[n:]
	}
}

// Commands that arrive as a whole are held to the limits and to the rules for numbers
// as those that come in pieces.
func TestWholeCommandsAreHeldToTheLimits(t *testing.T) {
	for wire, want := range map[string]string{
		"*11\r\n" + strings.Repeat("$1\r\na\r\n", 11):                     "unauthenticated multibulk length",
		fmt.Sprintf("*1\r\n$16385\r\n%s\r\n", strings.Repeat("a", 16385)): "unauthenticated bulk length",
		"*01\r\n$1\r\na\r\n": "invalid multibulk length",
		"*1\r\n$01\r\na\r\n": "invalid bulk length",
	} {
		for _, cut := range []int{0, 3, len(wire)} {
			p := NewParser()
			p.SetLimits(UntrustedLimits())
			var err error
			for _, piece := range []string{wire[:cut], wire[cut:]} {
				arrive(p, piece)
				if err == nil {
					_, err = p.Next()
				}
			}
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%.20q cut at %d: %v, want %q", wire, cut, err, want)
			}
		}
	}
}

// A client that falls silent in the middle of a command keeps the memory of what has
// arrived of it, and not that of the large one before it.
func TestSilenceKeepsNoLargeBuffer(t *testing.T) {
	const large = 32 << 20
	p := NewParser()
	arrive(p, fmt.Sprintf("*4\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n%s\r\n$7\r\nKEEPTTL\r\n", large, strings.Repeat("v", large)))
	arrive(p, "*3\r\n$3\r\nSET\r\n$1\r\nx")
	for {
		args, err := p.Next()
		if err != nil {
			t.Fatal(err)
		}
		if args == nil {
			break
		}
	}
	p.Release(16 << 10)
	if args, err := p.Next(); args != nil || err != nil {
		t.Fatalf("%q, %v", args, err)
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > large/2 {
		t.Errorf("%d MiB of heap behind %d bytes that wait", m.HeapAlloc>>20, p.Waiting())
	}
	arrive(p, "\r\n$1\r\ny\r\n")
	if args, err := p.Next(); err != nil || fmt.Sprintf("%q", args) != `["SET" "x" "y"]` {
		t.Errorf("the rest of the command: %q, %v", args, err)
	}
}
