package log

import (
	"fmt"
	"testing"
	"time"
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

func BenchmarkScan(b *testing.B) {
	dir := b.TempDir()
	l, _, _ := testLog(b, dir, Options{})
	p := make([]byte, 63)
	for i := range 1_000_000 {
		l.Append(KindChange, int64(i), p)
		if i%100 == 0 {
			if err := l.Commit(); err != nil {
				b.Fatal(err)
			}
		}
	}
	closeLog(b, l, true)
	b.ResetTimer()
	began := time.Now()
	var bytes int64
	for b.Loop() {
		d, err := OpenDir(dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		rep, err := d.Scan(0, func(Entry) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
		bytes += rep.Bytes
		d.Close()
	}
	b.ReportMetric(float64(bytes)/time.Since(began).Seconds()/1e9, "GB/s")
}
