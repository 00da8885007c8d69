package state

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/altilium-db/altilium/state/event"
)

// longOf is the object of a long string.
func longOf(t *testing.T, s *State, db int, key string) *object {
	t.Helper()
	var e entry
	if _, r := s.dbs[db].look([]byte(key), &e); r == 0 || e.o == nil {
		t.Fatalf("%q is no key with an object", key)
	}
	return e.o
}

// text is n bytes that no other piece has at the same places.
func text(n int, salt byte) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i)*7 + byte(i>>8)*13 + byte(i>>16)*31 + salt
	}
	return p
}

// TestLongMovesByPieces: neither a change inside what was copied or lent nor outgrowing
// its memory copies more than the pieces that it touches and the few that follow an event.
func TestLongMovesByPieces(t *testing.T) {
	const pieces = 16
	k, other, whole := []byte("k"), []byte("other"), text(pieces*pieceBytes, 1)
	for name, begin := range map[string]func(s *State){
		"copied": func(s *State) {
			apply(t, s, 0, func(b *event.Buffer) { b.Copy(k, other, 1) })
			if o := longOf(t, s, 1, "other"); o.moves() || &o.value[0] != &longOf(t, s, 0, "k").value[0] {
				t.Error("a copy does not share the memory")
			}
			apply(t, s, 0, func(b *event.Buffer) { b.Range(k, 3*pieceBytes-2, []byte("here")) })
		},
		"lent": func(s *State) {
			s.View(0, 0).Lend(k)
			apply(t, s, 0, func(b *event.Buffer) { b.Range(k, 3*pieceBytes-2, []byte("here")) })
		},
		"outgrown": func(s *State) {
			apply(t, s, 0, func(b *event.Buffer) { b.Append(k, []byte("here")) })
		},
		"outgrown by far": func(s *State) {
			apply(t, s, 0, func(b *event.Buffer) { b.Range(k, 10*int64(len(whole)), []byte("here")) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := New(0)
			apply(t, s, 0, func(b *event.Buffer) { b.String(k, whole, 0) })
			begin(s)
			o := longOf(t, s, 0, "k")
			if !o.moves() || o.long.left < pieces-3 {
				t.Fatalf("%d of %d pieces are missing: too few", o.long.left, pieces)
			}
			left := o.long.left
			v := s.View(0, 0)
			part, _, _ := v.Bytes(k)
			if got := part.Part(10*pieceBytes, 10*pieceBytes+10); !bytes.Equal(got, whole[10*pieceBytes:10*pieceBytes+10]) {
				t.Errorf("a part is %q", got)
			}
			if o.long.left != left-1 {
				t.Errorf("%d pieces came for one", left-o.long.left)
			}
			events := 0
			for ; o.moves(); events++ {
				apply(t, s, 0, func(b *event.Buffer) { b.String([]byte("x"), nil, 0) })
			}
			if events > pieces {
				t.Errorf("%d events went by before all was there", events)
			}
			if got, _, _ := v.String(k); !bytes.Contains(got, []byte("here")) || !bytes.Equal(got[:pieceBytes], whole[:pieceBytes]) {
				t.Error("it is not what it was")
			}
			invariants(t, s)
		})
	}
}

// TestLentOutlivesKey: what was lent of a string stays after the key is gone, as long as
// somebody has what Lend returned; memory that nobody was lent is given back by itself.
func TestLentOutlivesKey(t *testing.T) {
	k, whole := []byte("k"), text(3<<20, 1)
	build := func(s *State) {
		apply(t, s, 0, func(b *event.Buffer) { b.String(k, whole[:2<<20], 0); b.Append(k, whole[2<<20:]) })
		for s.Rest() {
		}
	}
	s := New(0)
	build(s)
	v := s.View(0, 0)
	lent, _, _ := v.String(k)
	owner := v.Lend(k)
	if owner == nil {
		t.Fatal("a string in a region is lent without it")
	}
	apply(t, s, 0, func(b *event.Buffer) { b.Delete(k, event.User) })
	for s.Rest() {
	}
	if n := s.LetGone(); n < int64(len(whole)) {
		t.Errorf("%d bytes are said to be left to the collector", n)
	}
	if s.Collecting(); s.LetGone() != 0 {
		t.Error("they are after it was asked to run")
	}
	runtime.GC()
	if !bytes.Equal(lent, whole) {
		t.Error("what was lent has changed")
	}
	runtime.KeepAlive(owner)

	build(s)
	d := s.dbs[0]
	apply(t, s, 0, func(b *event.Buffer) { b.Delete(k, event.User) })
	if len(d.spent) != 1 {
		t.Fatalf("%d regions are being given back", len(d.spent))
	}
	for s.Rest() {
	}
	if len(d.spent) != 0 || d.spentBytes != 0 || s.LetGone() != 0 {
		t.Errorf("%d bytes are not given back, %d are left to the collector", d.spentBytes, s.LetGone())
	}
}

// longModel is long strings as []byte, beside the same in states.
type longModel struct {
	t      *testing.T
	rnd    *rand.Rand
	states []*State // one tidies when it rests, one does not
	keys   map[string][]byte
	lent   []lending
}

type lending struct {
	got, want []byte
	memory    any
}

// name is a key of a database as the model knows it.
func (m *longModel) name() (db int, key []byte, name string) {
	db, key = m.rnd.IntN(2), fmt.Append(nil, "key", m.rnd.IntN(3))
	return db, key, fmt.Sprint(db, string(key))
}

// TestLongStrings: strings that grow, change inside, are copied, renamed and moved to other
// databases, at any stage of a move, read as a []byte each would; what was lent of them
// does not change; digests, weights and checkpoints tell the same.
func TestLongStrings(t *testing.T) {
	steps := 500
	if testing.Short() {
		steps = 150
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	m := &longModel{t: t, rnd: rand.New(rand.NewPCG(seed, 0)), states: []*State{New(0), New(0)}, keys: map[string][]byte{}}
	for range steps {
		m.change()
		m.look()
	}
	for m.states[0].Rest() {
	}
	m.all()
}

func (m *longModel) apply(db int, fn func(b *event.Buffer)) {
	m.t.Helper()
	for _, s := range m.states {
		apply(m.t, s, db, fn)
	}
}

// change does something to a key.
func (m *longModel) change() {
	m.t.Helper()
	db, key, name := m.name()
	value, found := m.keys[name]
	to, toKey, toName := m.name()
	p := text(1+m.rnd.IntN(1<<m.rnd.IntN(20)), byte(m.rnd.Uint32()))
	switch choice := m.rnd.IntN(24); {
	case !found || choice == 0 || len(value) > 24<<20:
		p = text(m.rnd.IntN(3<<20), byte(m.rnd.Uint32()))
		m.apply(db, func(b *event.Buffer) { b.String(key, p, 0) })
		m.keys[name] = p
	case choice < 8:
		m.apply(db, func(b *event.Buffer) { b.Append(key, p) })
		m.keys[name] = append(value[:len(value):len(value)], p...)
	case choice < 16:
		at := m.rnd.IntN(len(value) + 1)
		if m.rnd.IntN(8) == 0 {
			at = m.rnd.IntN(2*len(value) + 1)
		}
		m.apply(db, func(b *event.Buffer) { b.Range(key, int64(at), p) })
		longer := make([]byte, max(len(value), at+len(p)))
		copy(longer, value)
		copy(longer[at:], p)
		m.keys[name] = longer
	case choice < 20:
		m.apply(db, func(b *event.Buffer) { b.Copy(key, toKey, to) })
		m.keys[toName] = value
	case choice == 20 && db != to:
		if _, there := m.keys[fmt.Sprint(to, string(key))]; !there {
			m.apply(db, func(b *event.Buffer) { b.Move(key, to) })
			delete(m.keys, name)
			m.keys[fmt.Sprint(to, string(key))] = value
		}
	case choice == 21:
		m.apply(db, func(b *event.Buffer) { b.Rename(key, toKey) })
		delete(m.keys, name)
		m.keys[fmt.Sprint(db, string(toKey))] = value
	case choice == 22:
		m.apply(db, func(b *event.Buffer) { b.Delete(key, event.User) })
		delete(m.keys, name)
	default:
		m.apply(db, func(b *event.Buffer) { b.Expire(key, 1<<50) })
	}
}

// look reads something of a key, in one of the states.
func (m *longModel) look() {
	m.t.Helper()
	db, key, name := m.name()
	value := m.keys[name]
	s := m.states[m.rnd.IntN(2)]
	v := s.View(db, 0)
	switch m.rnd.IntN(12) {
	case 0, 1, 2, 3, 4:
		b, found, err := v.Bytes(key)
		if _, want := m.keys[name]; found != want || err != nil || b.Len() != len(value) {
			m.t.Fatalf("%s: %v, %v, %d bytes, want %d", name, found, err, b.Len(), len(value))
		}
		from := m.rnd.IntN(len(value) + 1)
		to := from + m.rnd.IntN(len(value)-from+1)
		if m.rnd.IntN(2) == 0 {
			to = min(to, from+100)
		}
		got := b.Part(from, to)
		if !bytes.Equal(got, value[from:to]) {
			m.t.Fatalf("%s: the bytes from %d to %d are others", name, from, to)
		}
		if len(got) >= LendFrom {
			m.lent = append(m.lent, lending{got, value[from:to], v.Lend(key)})
		}
	case 5:
		if got, _, _ := v.String(key); !bytes.Equal(got, value) {
			m.t.Fatalf("%s: it is another string", name)
		}
	case 6, 7:
		m.states[0].Rest()
	case 8:
		if m.states[0].Digest() != m.states[1].Digest() {
			m.t.Fatal("the same events have made other states")
		}
	case 9:
		m.all()
	case 10:
		if n := len(m.lent); n > 0 { // the oldest replies have been sent
			m.lent = append([]lending(nil), m.lent[n/2:]...)
		}
	}
}

// all reads everything.
func (m *longModel) all() {
	m.t.Helper()
	for i, s := range m.states {
		invariants(m.t, s)
		if i == 0 && s.Digest() != s.RecomputeDigest() { // which reads all of them
			m.t.Fatal("the digest is wrong")
		}
		n := 0
		for db := range 2 {
			s.Export(db, 0, func(r Record) bool {
				n++
				if want, there := m.keys[fmt.Sprint(db, string(r.Key))]; !there || !bytes.Equal(r.Value, want) {
					m.t.Fatalf("a checkpoint has %d bytes for %s of database %d, should have %d", len(r.Value), r.Key, db, len(want))
				}
				return i == 0 || n < 2
			})
		}
		if i == 0 && n != len(m.keys) {
			m.t.Fatalf("%d keys, should be %d", n, len(m.keys))
		}
	}
	for _, l := range m.lent {
		if !bytes.Equal(l.got, l.want) {
			m.t.Fatal("what was lent has changed")
		}
	}
}
