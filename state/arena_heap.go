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

// discard: the arena stays whole, and with it its memory.
func discard([]byte) {}

func wantHuge([]byte)          {}
func wantSmall([]byte)         {}
func populate([]byte, *memory) {}
