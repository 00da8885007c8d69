package state

// victim is the page whose records are being moved elsewhere.
type victim struct {
	page  uint32 // 0: none
	block int    // the next to look at
}

const (
	// wasteFrom is how many bytes of a database's pages may be free blocks, and
	// a quarter of them, before records are moved together.
	wasteFrom = 4 << 20

	// movesPerEvent is how many blocks of a victim are looked at after an event.
	// Two would do to keep up with events that delete one record each.
	movesPerEvent = 8
)

// tidy is called after each event. It releases some of what dead hashes and long strings had,
// and moves some of the strings that are on their way. Where
// much memory lies in free blocks it moves a few records out of a page that has
// many of those, until that serves others again. So memory that a mass deletion
// has left is given back, and no event takes long.
func (d *database) tidy() {
	m := d.mem
	if len(d.graves) > 0 {
		d.bury()
		d.settled = m.used
	}
	d.tidyStrings()
	if !m.wasteful() {
		return
	}
	m.calm = 0
	if m.victim.page == 0 && !m.chooseVictim() {
		return
	}
	for i := 0; i < movesPerEvent && m.victim.page != 0; i++ { // 0: its last record is gone
		v := m.victim
		p := &m.pages[v.page]
		if v.block == int(p.given) {
			m.victim = victim{}
			if p.free != 0 {
				m.list(v.page)
			}
			return
		}
		size := sizeOf(p.class)
		r := ref(v.page)<<pageUnits | ref(v.block*size)>>unitShift
		m.victim.block++
		if m.at(r)[0] != 0 {
			d.relocate(r, p.class)
		}
	}
}

// wasteful reports whether so much lies in free blocks that records are to be moved.
func (m *memory) wasteful() bool {
	waste := m.taken - m.used
	return waste >= wasteFrom && waste >= m.taken/4 && waste >= m.calm
}

// untidy reports whether there is something to tidy.
func (d *database) untidy() bool {
	return len(d.graves) > 0 || len(d.moves) > 0 || len(d.spent) > 0 || d.mem.wasteful()
}

// restSteps is how many events' worth of tidying a Rest does for each database.
const restSteps = 16

// Rest does a little of the tidying that events do, of long strings no more than after one,
// for a time in which there are none: so the memory of what was deleted last comes back too. It changes nothing
// that can be seen. more: call it again soon.
func (s *State) Rest() (more bool) {
	for _, d := range s.dbs {
		for i := 0; i < restSteps && (len(d.graves) > 0 || d.mem.wasteful()); i++ {
			d.tidy()
		}
		d.tidyStrings()
		more = more || d.untidy()
	}
	s.last.key.r, s.last.field.r = 0, 0 // they may have been moved
	return more
}

// lookedAt is how many pages are looked at for a victim after an event.
const lookedAt = 64

// chooseVictim looks for a page of records, the emptiest of some. Where a quarter
// of all pages is free there is one of which a quarter is, unless it is all in
// pages that are being filled or in those of the index; then there is no use
// looking until there is more.
func (m *memory) chooseVictim() bool {
	var best uint32
	least := pageSize * 3 / 4
	for range min(lookedAt, len(m.pages)-1) {
		m.sought = m.sought%uint32(len(m.pages)-1) + 1
		m.vain++
		p := &m.pages[m.sought]
		if !p.open || p.class > recordClasses || m.class[p.class].current == m.sought {
			continue
		}
		if live := int(p.live) * sizeOf(p.class); live <= least {
			best, least = m.sought, live
		}
	}
	switch {
	case best != 0:
		m.vain = 0
		m.unlist(best) // nothing new goes there
		m.victim = victim{page: best}
	case m.vain >= len(m.pages):
		m.vain = 0
		m.calm = m.taken - m.used + wasteFrom/4
	}
	return best != 0
}

// relocate moves a record of a class to another block.
func (d *database) relocate(r ref, class uint8) {
	m := d.mem
	to := m.alloc(class)
	copy(m.at(to)[:sizeOf(class)], m.at(r))
	e := d.load(to)
	keys := d.keys
	if e.typ == fieldType {
		owner := d.objects[e.access].hash
		keys = owner.index
		if owner.ranking != nil {
			owner.ranking.moved(scoreOf(e.payload), e.key, r, to)
		}
	}
	keys.replace(d.secret.hash(e.key), r, to)
	if e.expire != 0 {
		d.due.moved(e.heap, to)
	}
	if e.o != nil {
		e.o.home = to
	}
	m.release(r)
}
