//go:build (linux || darwin) && !altilium_heap

package state

import "golang.org/x/sys/unix"

// arenaShift: an arena has 64 MiB of addresses. What is not touched takes no
// memory.
const arenaShift = 26

// arenaBytes is how much has to be asked for: an arena begins with a huge page.
const arenaBytes = 1<<arenaShift + hugePage

// newArena asks the system for an arena of zeros. all is what freeArena wants
// back.
func newArena() (arena, all []byte, err error) {
	all, err = unix.Mmap(-1, 0, arenaBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, nil, err
	}
	skip := -addressOf(all) & (hugePage - 1)
	return all[skip : skip+1<<arenaShift], all, nil
}

func freeArena(all []byte) {
	_ = unix.Munmap(all) // it is one of ours
}

// spread is how many times its length a long string has for its growth. These are
// addresses only: what is not written to takes no memory.
const spread = 8

// newAddresses asks the system for zeros, and not to set memory aside for all of them:
// most of them may never be used. freeArena gives them back.
func newAddresses(n int) ([]byte, error) {
	return unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_NORESERVE)
}

// discard gives the memory of whole pages back to the system; what they held is
// lost.
func discard(p []byte) {
	_ = unix.Madvise(p, adviceDiscard) // at worst it stays
}
