package command_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/altilium-db/altilium/state/command"
	"github.com/altilium-db/altilium/state/event"
)

// BenchmarkLarge is one command over collections of a million parts each: what deciding
// takes, and what applying its events does.
func BenchmarkLarge(b *testing.B) {
	const parts = 1_000_000
	w := newWorld()
	name := func(i int) []byte { return fmt.Appendf(nil, "member:%09d", i*7919%1_000_003) }
	for i := range parts { // the rules of world.do would take minutes here
		w.events.SetAdd([]byte("set"), name(i))
		w.events.SetAdd([]byte("other"), name(i+parts/2))
		w.events.HashSet([]byte("hash"), name(i), name(i+1))
		w.events.ZSetAdd([]byte("zset"), []float64{float64(i)}, [][]byte{name(i)})
		w.events.ListPush([]byte("list"), event.Right, name(i))
	}
	if _, err := w.st.Apply(w.db, w.events.Bytes()); err != nil {
		b.Fatal(err)
	}
	lines := [][][]byte{words("SUNIONSTORE to set other"), words("SINTERSTORE to set set"), words("SDIFFSTORE to set other")}
	for _, key := range []string{"set", "hash", "zset", "list"} {
		dump := words("DUMP " + key)
		spec, _ := w.table.Lookup(dump)
		w.out.Reset(1 << 20)
		c := command.Call{View: w.st.View(w.db, w.now), Out: &w.out, Events: &w.events}
		c.Reset(spec, dump)
		spec.Decide(&c)
		o, err := readOne(bytes.Clone(w.out.Bytes()))
		if err != nil {
			b.Fatal(err)
		}
		lines = append(lines, words("DUMP "+key), append(words("RESTORE "+key+"2 0"), o.Str), words("COPY "+key+" "+key+"3 REPLACE"))
	}
	for _, args := range lines {
		spec, problem := w.table.Lookup(args)
		if problem != "" {
			b.Fatal(problem)
		}
		w.events.Truncate(0)
		c := command.Call{Out: &w.out, Events: &w.events, Rand: w.rand}
		decide := func(b *testing.B) {
			w.out.Reset(1 << 20)
			w.events.Truncate(0)
			c.View = w.st.View(w.db, w.now)
			c.Reset(spec, args)
			spec.Decide(&c)
			if out := w.out.Bytes(); out[0] == '-' {
				b.Fatalf("%s answers %q", args[0], out)
			}
		}
		name := string(args[0]) + "-" + string(args[1])
		b.Run(name+"/decide", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				decide(b)
			}
		})
		b.Run(name+"/apply", func(b *testing.B) {
			if decide(b); w.events.Len() == 0 {
				b.Skip("it only reads")
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.st.Apply(w.db, w.events.Bytes()); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if _, err := w.st.Apply(w.db, gone(w, args).Bytes()); err != nil {
					b.Fatal(err)
				}
				w.events.Truncate(0)
				decide(b)
				b.StartTimer()
			}
		})
	}
}

// gone is events that remove what a command has made, and as many others as it takes until
// nothing is left of that: a little is released after each.
func gone(w *world, args [][]byte) *event.Buffer {
	var events event.Buffer
	view := w.st.View(w.db, w.now)
	for _, key := range args[1:3] {
		if k := string(key); k != "set" && k != "hash" && k != "zset" && k != "list" && view.Exists(key) {
			events.Delete(key, event.User)
		}
	}
	for range 25000 {
		events.String([]byte("other key"), nil, 0)
	}
	return &events
}
