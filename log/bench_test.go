package log

import (
	"fmt"
	"testing"
)

func BenchmarkCommit(b *testing.B) {
	for _, turn := range []int{1, 16, 64} {
		b.Run(fmt.Sprint("turn=", turn), func(b *testing.B) {
			l, _, _ := testLog(b, b.TempDir(), Options{})
			p := make([]byte, 63)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				l.Append(KindChange, int64(i), p)
				if i%turn == turn-1 {
					if err := l.Commit(); err != nil {
						b.Fatal(err)
					}
				}
			}
			closeLog(b, l, false)
		})
	}
}

// BenchmarkScan is a start's pass over the log: read, checked, and nothing applied.
func BenchmarkScan(b *testing.B) {
	const entries = 1_000_000
	dir := b.TempDir()
	l, _, _ := testLog(b, dir, Options{})
	p := make([]byte, 63)
	for i := range entries {
		l.Append(KindChange, int64(i), p)
		if i%100 == 99 {
			if err := l.Commit(); err != nil {
				b.Fatal(err)
			}
		}
	}
	closeLog(b, l, true)
	for b.Loop() {
		d, err := OpenDir(dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		rep, err := d.Scan(0, func(Entry) error { return nil })
		if err != nil || rep.Entries != entries {
			b.Fatalf("%d entries, %v", rep.Entries, err)
		}
		b.SetBytes(rep.Bytes)
		d.Close()
	}
	b.ReportMetric(float64(b.N)*entries/b.Elapsed().Seconds(), "entries/s")
}
