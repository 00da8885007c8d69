package state

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/altilium-db/altilium/state/event"
)

// keyBench is a database of n keys of 16 bytes, a value of 32 each.
type keyBench struct {
	s     *State
	n     int
	key   []byte
	value []byte
	buf   event.Buffer
	rng   *rand.Rand
}

func newKeyBench(n int) *keyBench {
	k := &keyBench{s: New(1), n: n, key: make([]byte, 16), value: make([]byte, 32), rng: rand.New(rand.NewPCG(1, 2))}
	for i := range n {
		k.set(i)
	}
	return k
}

// named makes key i: its number in decimal behind zeros.
func (k *keyBench) named(i int) []byte {
	for at := len(k.key) - 1; at >= 0; at-- {
		k.key[at] = byte('0' + i%10)
		i /= 10
	}
	return k.key
}

func (k *keyBench) set(i int) {
	k.buf.Truncate(0)
	k.buf.String(k.named(i), k.value, 0)
	k.apply()
}

func (k *keyBench) del(i int) {
	k.buf.Truncate(0)
	k.buf.Delete(k.named(i), event.User)
	k.apply()
}

func (k *keyBench) apply() {
	if _, err := k.s.Apply(0, k.buf.Bytes()); err != nil {
		panic(err)
	}
}

// BenchmarkKeys is what a key costs among 1 and 10 million others, chosen at
// random: the time that the processor waits for memory is most of it. -short leaves out the 10.
func BenchmarkKeys(b *testing.B) {
	for _, millions := range []int{1, 10} {
		b.Run(strconv.Itoa(millions)+"M", func(b *testing.B) {
			if millions > 1 && testing.Short() {
				b.Skip("one million must do")
			}
			var k *keyBench // built by the first part that runs, for all of them
			for _, part := range []struct {
				name string
				do   func(i int)
			}{
				{"hit", func(int) { k.s.View(0, 1).String(k.named(k.rng.IntN(k.n))) }},
				{"miss", func(int) { k.s.View(0, 1).String(k.named(k.n + k.rng.IntN(k.n))) }},
				{"overwrite", func(int) { k.set(k.rng.IntN(k.n)) }},
				{"insert", func(i int) { k.set(k.n + i) }},
				{"delete", func(i int) { k.del(k.n - 1 - i) }},
			} {
				b.Run(part.name, func(b *testing.B) {
					if k == nil {
						k = newKeyBench(millions * 1_000_000)
					}
					switch part.name {
					case "insert": // then it deletes what it has added
						from := k.n
						defer func() {
							for i := range b.N {
								k.del(from + i)
							}
						}()
					case "delete": // as many as there are to be deleted
						k.n = max(k.n, b.N)
						for i := range b.N {
							k.set(k.n - 1 - i)
						}
					}
					b.ReportAllocs()
					b.ResetTimer()
					for i := range b.N {
						part.do(i)
					}
					b.StopTimer()
					if part.name == "delete" {
						for i := range b.N {
							k.set(k.n - 1 - i)
						}
					}
				})
			}
		})
	}
}
