//go:build (!linux && !darwin) || altilium_heap

package state

// arenaShift: an arena is a block of 4 MiB of Go's heap, which its collector
// does not look into.
const arenaShift = 22

const arenaBytes = 1 << arenaShift

// newArena always succeeds: where there is no memory Go ends the process.
func newArena() (arena, all []byte, err error) {
	all = make([]byte, arenaBytes)
	return all, all, nil
}

func freeArena([]byte) {}

// spread is how many times its length a long string has for its growth: no more than
// twice, since some of it is memory at once.
const spread = 2

// newAddresses is memory for a long string.
func newAddresses(n int) ([]byte, error) { return make([]byte, n), nil }

// discard: the arena stays whole, and with it its memory.
func discard([]byte) {}

func wantHuge([]byte)      {}
func wantSmall([]byte)     {}
func populate([]byte, any) {}
