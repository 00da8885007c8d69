package state

import (
	"runtime"
	"unsafe"
)

// memory is where a database keeps its records and its index: blocks of bytes
// without a pointer in them, outside what the garbage collector looks at.
//
//	arena   64 MiB of addresses from the system (arena_*.go)
//	page    256 KiB of an arena: blocks of one class, and nothing else
//	block   16 bytes to 32 KiB, as long as its class says
//
// Blocks are handed out from a page front to end, then those that were freed.
// A page whose last block is freed serves any class again; the system gets its
// memory back when there are some of them. Where much is free but no page is,
// records are moved together (defrag.go).
//
// A ref names a block: the page's number, then the block's distance from the
// page's beginning in units of 8 bytes. 0 names none.
type memory struct {
	arenas [][]byte
	mapped *mappings // the same, as the system knows them

	pages  []page // the first is never used, so no ref is 0
	spare  []uint32
	warm   int    // of spare: the last ones, whose memory was not given back
	cold   []byte // by huge page: how many pages of it have no memory
	fresh  uint32 // the next page that was never used
	class  [classes + 1]class
	taken  int64  // bytes of pages in use
	used   int64  // bytes of blocks in use
	victim victim // see defrag.go
	sought uint32 // the page that was looked at last for another
	vain   int    // how many were looked at since the last victim
	calm   int64  // bytes of free blocks below which it is no use to look for one
}

type ref = uint64

const (
	refBits   = 34 // 128 GiB for a database
	pageShift = 18
	pageSize  = 1 << pageShift
	unitShift = 3
	pageUnits = pageShift - unitShift
	unitMask  = 1<<pageUnits - 1
	mostPages = 1 << (refBits - pageUnits)
	hugePage  = 2 << 20
	hugePages = hugePage / pageSize

	// hugeFrom is how many bytes a database has before it asks for huge pages:
	// a small one shall not take 2 MiB for each of its first bytes.
	hugeFrom = 8 << 20

	// readyAhead is how many pages of a huge page are left when the next one is made
	// ready: half a megabyte is written in no less than a millisecond or two, and what is
	// ready early is memory that nobody has a use for.
	readyAhead = hugePages / 4

	// keepWarm is how many free pages keep their memory for the next use.
	keepWarm = 8
)

// page is what is known of a page. Its free blocks are a list through their own
// bytes.
type page struct {
	class      uint8
	open       bool   // it is in its class's list of pages with freed blocks
	live       uint16 // blocks in use
	given      uint16 // blocks that were handed out at least once
	free       uint16 // the first freed block, +1; 0 for none
	prev, next uint32 // in the list, 0 at its ends
}

// class is the blocks of one size.
type class struct {
	current uint32 // the page that new blocks come from
	open    uint32 // the first page with freed blocks
	pages   uint32
}

// The classes of records are 8 to 504 bytes in steps of 8 (of which the first is
// too small to be used), then eight to each doubling up to 8 KiB. Those of index
// segments follow: they have pages of their own.
const (
	fineClasses   = 63
	recordClasses = fineClasses + 33
	indexClasses  = 10
	classes       = recordClasses + indexClasses
	maxRecord     = 8 << 10
)

// sizeOf is how many bytes the blocks of a class have.
func sizeOf(c uint8) int {
	switch n := int(c); {
	case n <= fineClasses:
		return n * 8
	case n <= recordClasses:
		n -= fineClasses + 1
		return (8 + n&7) << (6 + n>>3)
	default:
		return segmentBytes(n - recordClasses - 1)
	}
}

// classFor is the class of the smallest blocks that hold a record of n bytes, at
// most maxRecord.
func classFor(n int) uint8 {
	if n <= fineClasses*8 {
		return uint8(max((n+7)/8, 2))
	}
	shift := 0
	for 1024<<shift < n {
		shift++
	}
	unit := 64 << shift
	eighths := (n + unit - 1) / unit // 8 to 16
	return uint8(fineClasses + 1 + shift*8 + eighths - 8)
}

// mappings outlives its memory by one cleanup.
type mappings struct{ all [][]byte }

func newMemory() *memory {
	m := &memory{mapped: &mappings{}, pages: make([]page, 1), fresh: 1, cold: make([]byte, 1)}
	runtime.AddCleanup(m, func(a *mappings) {
		for _, all := range a.all {
			freeArena(all)
		}
	}, m.mapped)
	return m
}

// at is a block and what follows it in its arena.
func (m *memory) at(r ref) []byte {
	at := r << unitShift
	return m.arenas[at>>arenaShift][at&(1<<arenaShift-1):]
}

// alloc hands out a block of class c. Its bytes are whatever they were.
func (m *memory) alloc(c uint8) ref {
	k := &m.class[c]
	size := sizeOf(c)
	m.used += int64(size)
	if k.open != 0 {
		return m.reuse(k, size)
	}
	if k.current == 0 || (int(m.pages[k.current].given)+1)*size > pageSize {
		k.current = m.takePage(c)
		k.pages++
	}
	p := &m.pages[k.current]
	r := ref(k.current)<<pageUnits | ref(int(p.given)*size)>>unitShift
	p.given++
	p.live++
	return r
}

// reuse hands out a freed block of a class that has some.
func (m *memory) reuse(k *class, size int) ref {
	n := k.open
	p := &m.pages[n]
	block := int(p.free - 1)
	r := ref(n)<<pageUnits | ref(block*size)>>unitShift
	b := m.at(r)
	p.free = uint16(b[2]) | uint16(b[3])<<8
	p.live++
	if p.free == 0 {
		m.unlist(n)
	}
	return r
}

// release takes a block back.
func (m *memory) release(r ref) {
	n := uint32(r >> pageUnits)
	p := &m.pages[n]
	size := sizeOf(p.class)
	m.used -= int64(size)
	p.live--
	k := &m.class[p.class]
	if p.live == 0 && (k.current != n || p.class > recordClasses) { // segments grow on: their smaller classes may never be needed again
		if k.current == n {
			k.current = 0
		}
		if p.open {
			m.unlist(n)
		}
		m.givePage(n)
		k.pages--
		return
	}
	b := m.at(r)
	b[0], b[1] = 0, 0
	b[2], b[3] = byte(p.free), byte(p.free>>8)
	p.free = uint16(int(r&unitMask)<<unitShift/size) + 1
	if !p.open && m.victim.page != n {
		m.list(n)
	}
}

// list puts a page with freed blocks at the front of its class's list.
func (m *memory) list(n uint32) {
	p := &m.pages[n]
	k := &m.class[p.class]
	p.open, p.prev, p.next = true, 0, k.open
	if k.open != 0 {
		m.pages[k.open].prev = n
	}
	k.open = n
}

// unlist takes a page out of its class's list.
func (m *memory) unlist(n uint32) {
	p := &m.pages[n]
	if p.prev != 0 {
		m.pages[p.prev].next = p.next
	} else {
		m.class[p.class].open = p.next
	}
	if p.next != 0 {
		m.pages[p.next].prev = p.prev
	}
	p.open, p.prev, p.next = false, 0, 0
}

// takePage gives a page to a class. It panics with an *OutOfMemory where there is none.
func (m *memory) takePage(c uint8) uint32 {
	if n := len(m.spare); n > 0 {
		p := m.spare[n-1]
		m.spare = m.spare[:n-1]
		if m.warm > 0 {
			m.warm--
		} else {
			m.thaw(p)
		}
		m.pages[p] = page{class: c}
		m.taken += pageSize
		return p
	}
	n := m.fresh
	if n == mostPages {
		panic(&OutOfMemory{Want: pageSize, Used: m.taken, Err: ErrFull})
	}
	m.fresh++
	m.reach(n)
	switch at := int(n) << pageShift; {
	case at == hugeFrom:
		wantHuge(m.arenas[at>>arenaShift][at&(1<<arenaShift-1):])
	case at > hugeFrom && n%hugePages == hugePages-readyAhead:
		m.prepare(n + readyAhead)
	}
	m.pages = append(m.pages, page{class: c})
	m.taken += pageSize
	if int(n/hugePages) == len(m.cold) {
		m.cold = append(m.cold, 0)
	}
	return n
}

// reach makes sure that there are addresses for a page, the next that was never used.
func (m *memory) reach(n uint32) {
	if int(n)<<pageShift>>arenaShift == len(m.arenas) {
		arena, all, err := newArena()
		if err != nil {
			panic(&OutOfMemory{Want: arenaBytes, Used: m.taken, Err: err})
		}
		m.arenas, m.mapped.all = append(m.arenas, arena), append(m.mapped.all, all)
		if len(m.arenas) > 1 {
			wantHuge(arena)
		}
	}
}

// prepare has the huge page that begins with page n filled with memory, which is the
// next one to be used: the system needs 0.1 to 4 ms for that, and nobody waits here.
func (m *memory) prepare(n uint32) {
	if n >= mostPages {
		return
	}
	m.reach(n)
	populate(m.hugeAround(n), m)
}

// givePage makes a page free for any class.
func (m *memory) givePage(n uint32) {
	m.taken -= pageSize
	m.pages[n] = page{}
	if m.victim.page == n {
		m.victim = victim{}
	}
	m.spare = append(m.spare, n)
	m.warm++
	if m.warm > keepWarm {
		m.freeze(m.spare[len(m.spare)-m.warm])
		m.warm--
	}
}

// purge leaves no free page its memory.
func (m *memory) purge() {
	for ; m.warm > 0; m.warm-- {
		m.freeze(m.spare[len(m.spare)-m.warm])
	}
}

// freeze gives a page's memory back to the system. The huge page around it must
// not be one any more: the system would fill it up again in passing.
func (m *memory) freeze(n uint32) {
	i := n / hugePages
	if m.cold[i]++; m.cold[i] == 1 && i >= hugeFrom/hugePage {
		wantSmall(m.hugeAround(n))
	}
	discard(m.at(ref(n) << pageUnits)[:pageSize])
}

// thaw says that a page has memory again, as it does when it is written to.
func (m *memory) thaw(n uint32) {
	i := n / hugePages
	if m.cold[i]--; m.cold[i] == 0 && i >= hugeFrom/hugePage {
		wantHuge(m.hugeAround(n))
	}
}

// hugeAround is the huge page that a page is part of.
func (m *memory) hugeAround(n uint32) []byte {
	return m.at(ref(n&^(hugePages-1)) << pageUnits)[:hugePage]
}

// addressOf is where b begins.
func addressOf(b []byte) int { return int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }

// discardAll gives everything back to the system; nothing is handed out after it.
// What still points here reads zeros.
func (m *memory) discardAll() {
	for _, arena := range m.arenas {
		discard(arena)
	}
}
