package command_test

import (
	"fmt"
	"testing"

	"github.com/altilium-db/altilium/state/command"
)

// BenchmarkDecide is a command from its arguments to its reply and its events:
// looked up in the table, decided over a View of a thousand keys of each kind.
func BenchmarkDecide(b *testing.B) {
	const keys = 1000
	fill := []string{
		"SET key:%012d 0123456789abcdef0123456789abcdef",
		"SET counter:%012d 12345",
		"HSET hash:%012d field 0123456789abcdef0123456789abcdef",
	}
	lines := []string{
		"SET key:%012d 0123456789abcdef0123456789abcdef",
		"GET key:%012d",
		"INCR counter:%012d",
		"HSET hash:%012d field 0123456789abcdef0123456789abcdef",
		"HGET hash:%012d field",
		"EXPIRE key:%012d 100",
		"DEL key:%012d",
	}
	w := newWorld()
	for _, line := range fill {
		for i := range keys {
			if _, err := w.do(words(fmt.Sprintf(line, i))); err != nil {
				b.Fatal(err)
			}
		}
	}
	for _, line := range lines {
		b.Run(string(words(line)[0]), func(b *testing.B) {
			all := make([][][]byte, keys)
			for i := range all {
				all[i] = words(fmt.Sprintf(line, i))
			}
			w.events.Truncate(0)
			call := command.Call{View: w.st.View(0, w.now), Out: &w.out, Events: &w.events}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				args := all[i%keys]
				w.out.Reset(1 << 20)
				w.events.Truncate(0)
				spec, problem := w.table.Lookup(args)
				if problem != "" {
					b.Fatal(problem)
				}
				call.Reset(spec, args)
				spec.Decide(&call)
			}
			if reply := w.out.Bytes(); reply[0] == '-' {
				b.Fatalf("the last reply is %q", reply)
			}
		})
	}
}
