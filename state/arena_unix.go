//go:build (linux || darwin) && !altilium_heap

package state

import "golang.org/x/sys/unix"

// arenaShift: an arena has 64 MiB of addresses. What is not touched takes no
// memory.
const arenaShift = 26

// newArena asks the system for an arena of zeros. all is what freeArena wants
// back.
func newArena() (arena, all []byte) {
	all, err := unix.Mmap(-1, 0, 1<<arenaShift+hugePage, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		panic("out of memory: no address space for the keyspace: " + err.Error()) // as Go itself does
	}
	skip := -addressOf(all) & (hugePage - 1)
	return all[skip : skip+1<<arenaShift], all
}

func freeArena(all []byte) {
	_ = unix.Munmap(all) // it is one of ours
}

// discard gives the memory of whole pages back to the system; what they held is
// lost.
func discard(p []byte) {
	_ = unix.Madvise(p, adviceDiscard) // at worst it stays
}
