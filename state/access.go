package state

// What is noted with a key when it is touched: when that was, or how often it is. It is a
// hint for the memory limit and for OBJECT IDLETIME and FREQ, and no part of the state.
//
//	by time       s since 1970                                   24 bits
//	by frequency  min since 1970, 16 bits | counter, 8 bits
//
// The counter is Redis': a key begins with 5, each access raises it by one with a
// probability of 1 / ((counter-5)·factor + 1), and it falls by one in so many minutes.

// Access is how accesses are noted.
type Access struct {
	Frequency bool
	LogFactor int // the larger, the more accesses until the counter is full; Redis: 10
	Decay     int // minutes for each of which the counter falls by one, 0: never; Redis: 1
}

const (
	firstCount = 5
	mostCount  = 255

	// longestIdle is half of what 24 bits say in seconds: what is idle for longer was
	// touched later than now, by a clock that was put back since.
	longestIdle = 1 << 23
)

// SetAccess says how accesses are noted from now on. What was noted in the other way is
// misread until a key is touched again.
func (s *State) SetAccess(a Access) { s.access = a }

// SetAccessClock sets the time, in seconds, that reads note in the keys they
// touch; 0 leaves them alone. Access times are no part of the state.
func (s *State) SetAccessClock(seconds uint32) { s.clock = seconds }

// Unnoticed calls f, whose reads are not noted as accesses.
func (s *State) Unnoticed(f func()) {
	clock := s.clock
	s.clock = 0
	defer func() { s.clock = clock }()
	f()
}

// touched notes an access to the key of a record.
func (s *State) touched(b []byte) {
	if s.clock != 0 {
		touchRecord(b, s.noted(accessOf(b)))
	}
}

// noted is what stands in a record once its key is touched; before is what stood there, 0
// for a new one.
func (s *State) noted(before uint32) uint32 {
	if !s.access.Frequency {
		return s.clock
	}
	minutes := s.clock / 60 & 0xffff
	if before == 0 {
		return minutes<<8 | firstCount
	}
	count := s.count(before)
	if count < mostCount {
		s.luck = s.luck*6364136223846793005 + 1442695040888963407 // Knuth's MMIX generator
		odds := uint64(max(0, int(count)-firstCount)*s.access.LogFactor + 1)
		if s.luck>>32%odds == 0 {
			count++
		}
	}
	return minutes<<8 | count
}

// kept is what stands in a record that is written to by a command that has looked it up,
// which was the access: one is not counted twice.
func (s *State) kept(before uint32) uint32 {
	if s.access.Frequency && before != 0 {
		return before
	}
	return s.noted(before)
}

// count is the counter of what was noted, less what it has fallen since.
func (s *State) count(noted uint32) uint32 {
	count := noted & 0xff
	if noted == 0 {
		count = firstCount // it was there at the start
	}
	if noted == 0 || s.access.Decay == 0 {
		return count
	}
	minutes := (s.clock/60 - noted>>8) & 0xffff
	return count - min(count, minutes/uint32(s.access.Decay))
}

// idle is for how many seconds a record has not been touched; always is what a key has
// not been since the start.
func (s *State) idle(noted, always uint32) uint32 {
	if noted == 0 {
		return always
	}
	idle := (s.clock - noted) & 0xffffff // the clock goes round in half a year
	if idle > longestIdle {
		return 0 // touched later than now: the clock was put back
	}
	return idle
}

// Idle is how many seconds ago a key was last touched, as far as the server has
// kept track (SetAccessClock).
func (v View) Idle(key []byte) int64 {
	b := v.peek(key)
	if b == nil || accessOf(b) == 0 {
		return 0
	}
	idle := (uint32(v.now/1000) - accessOf(b)) & 0xffffff
	if idle > longestIdle {
		return 0
	}
	return int64(idle)
}

// Frequency is a key's counter of accesses, 0 to 255, where those are noted by frequency;
// false where they are not.
func (v View) Frequency(key []byte) (count int64, ok bool) {
	b := v.peek(key)
	if b == nil || !v.s.access.Frequency {
		return 0, v.s.access.Frequency
	}
	return int64(v.s.count(accessOf(b))), true
}

// SetIdle says that a key was last touched so many seconds ago, SetFrequency what its
// counter is. RESTORE has these; as hints they are no events.
func (v View) SetIdle(key []byte, seconds int64) {
	if b := v.peek(key); b != nil && v.s.clock != 0 && !v.s.access.Frequency {
		touchRecord(b, v.s.clock-uint32(min(seconds, longestIdle)))
	}
}

// SetFrequency: see SetIdle.
func (v View) SetFrequency(key []byte, count uint8) {
	if b := v.peek(key); b != nil && v.s.clock != 0 && v.s.access.Frequency {
		touchRecord(b, v.s.clock/60&0xffff<<8|uint32(count))
	}
}
