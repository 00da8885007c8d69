package engine

import "slices"

// Who tracks: a session's own part is [Session.tracking], here are the lists by which those
// are found who have to be told.

// track has s be told of what it reads, or of prefixes.
func (e *Engine) track(s *Session, o tracking) {
	e.untrackPrefixes(s)
	t := &e.tracking
	if !s.tracking.on {
		i, _ := slices.BinarySearchFunc(t.sessions, s.id, bySessionID)
		t.sessions = slices.Insert(t.sessions, i, s)
	}
	o.caching = s.tracking.caching
	s.tracking = o
	e.trackPrefixes(s)
}

// untrack has s be told of nothing. What it has read is forgotten when it changes.
func (e *Engine) untrack(s *Session) {
	if !s.tracking.on {
		return
	}
	e.untrackPrefixes(s)
	s.tracking = tracking{}
	t := &e.tracking
	i, _ := slices.BinarySearchFunc(t.sessions, s.id, bySessionID)
	t.sessions = slices.Delete(t.sessions, i, i+1)
}

func (e *Engine) trackPrefixes(s *Session) {
	t := &e.tracking
	for _, p := range s.tracking.prefixes {
		b := t.broadcasts[p]
		if b == nil {
			if t.broadcasts == nil {
				t.broadcasts, t.lengths = make(map[string]*broadcast), make(map[int]int)
			}
			b = &broadcast{prefix: p, keys: make(map[string]*Session)}
			t.broadcasts[p] = b
			t.lengths[len(p)]++
		}
		i, _ := slices.BinarySearchFunc(b.sessions, s.id, bySessionID)
		b.sessions = slices.Insert(b.sessions, i, s)
	}
}

func (e *Engine) untrackPrefixes(s *Session) {
	t := &e.tracking
	for _, p := range s.tracking.prefixes {
		b := t.broadcasts[p]
		i, _ := slices.BinarySearchFunc(b.sessions, s.id, bySessionID)
		if b.sessions = slices.Delete(b.sessions, i, i+1); len(b.sessions) > 0 {
			continue
		}
		delete(t.broadcasts, p)
		if t.lengths[len(p)]--; t.lengths[len(p)] == 0 {
			delete(t.lengths, len(p))
		}
	}
}

// undoTracking is for a turn that has failed: the sessions are again what they were, and
// since what was told in it has not left, all are told that everything may have changed.
func (e *Engine) undoTracking() {
	t := &e.tracking
	clear(t.sessions)
	t.sessions, t.broadcasts, t.lengths = t.sessions[:0], nil, nil
	clear(t.touched)
	t.touched = t.touched[:0]
	for _, s := range e.sessionsByID() {
		if s.tracking.on {
			t.sessions = append(t.sessions, s)
			e.trackPrefixes(s)
		}
	}
	e.invalidateAll()
}
