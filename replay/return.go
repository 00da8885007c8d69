package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
)

// ErrConflict is returned where keys that are to be taken back were written since.
var ErrConflict = errors.New("written since")

// Return finds what leads back from the end of a log that goes on, see the package comment.
// It reads, beside whoever writes. One goroutine uses it; Lead is called again when the log
// has gone on meanwhile.
type Return struct {
	Log    *log.Log
	Reader *log.Reader // of Log; nil: one is opened. It stands anywhere, before and after
	Views  *Views
	Seeker func() (*Seeker, error)
	Done   func(*Seeker)
	Known  *Known // what was found out about To before, and what is found out now; nil: nothing is kept

	To   Resolved              // what it leads back to
	Keys func(key []byte) bool // only these; nil: all
	TTL  TTL                   // what becomes of the expiries that there were
	Now  time.Time             // what TTLShift counts from

	// Same is an entry after To after which all data was what it was at To, but for SameShift ms
	// that were added to expiries, which TTLShift alone may find; 0: none is known.
	Same      uint64
	SameShift int64

	// Only what the entries after To up to this one have changed is taken back; 0: all.
	// What was written after it is a conflict, unless Force.
	Last  uint64
	Force bool

	Limit int // bytes that the events may take

	t mentions
}

// Lead is what leads back, as the events of one entry.
type Lead struct {
	Stat
	UpTo      uint64  // the entry that it leads back from: it holds where nothing came after
	Events    []byte  // the first of them is in database 0. Empty: nothing differs
	Conflicts int     // keys that were written since, all the same
	Digest    *uint64 // of the state afterwards; nil: not known
}

// fewReturned is how many keys are looked up one by one; for more the whole state at the point
// is wanted. A lookup takes some ten µs, a state a second for each million keys.
const fewReturned = 1000

// Lead finds what leads back from entry upTo, which is committed. The errors are those of
// [compaction.Build] and [Views.Read], ErrTooLarge and a *ConflictError.
func (r *Return) Lead(ctx context.Context, upTo uint64) (*Lead, error) {
	if r.t.next == 0 {
		r.t.next = max(r.To.Offset, r.Same) + 1
	}
	until := upTo
	if r.Last != 0 {
		until = r.Last
	}
	if err := r.read(until); err != nil {
		return nil, err
	}
	if keys, ok := r.few(); ok {
		return r.single(keys, upTo)
	}
	if err := r.read(upTo); err != nil {
		return nil, err
	}
	var l *Lead
	err := r.Views.Read(ctx, r.To.Offset, func(b *compaction.Built) (err error) {
		l, err = r.viewed(b, upTo)
		return err
	})
	return l, err
}

// read reads what entries touch, up to one.
func (r *Return) read(upTo uint64) error {
	if r.Reader != nil {
		return r.t.read(r.Reader, upTo)
	}
	reader, err := r.Log.Reader(r.t.next)
	if err != nil {
		return err
	}
	return errors.Join(r.t.read(reader, upTo), reader.Close())
}

// concerns reports whether what becomes of a key is for r to say, by its name.
func (r *Return) concerns(key []byte) bool { return r.Keys == nil || r.Keys(key) }

// within reports whether entries from one on are among those that are taken back.
func (r *Return) within(first uint64) bool { return first != 0 && (r.Last == 0 || first <= r.Last) }

// few gives the keys that may differ, where they are few and can be named.
func (r *Return) few() (keys []Key, ok bool) {
	last := r.Last
	if last == 0 {
		last = compaction.Latest
	}
	if r.TTL != TTLAbsolute || r.Last == 0 && r.Views.Has(r.To.Offset) || r.t.onDatabases(last) {
		return nil, false
	}
	for i := range r.t.keys {
		k := &r.t.keys[i]
		if !r.within(k.first) || !r.concerns([]byte(k.key)) {
			continue
		}
		if keys = append(keys, Key{DB: k.db, Key: []byte(k.key)}); len(keys) > fewReturned {
			return nil, false
		}
	}
	return keys, true
}

// single looks the keys up one by one, as they were at the point and as they are.
func (r *Return) single(keys []Key, upTo uint64) (l *Lead, err error) {
	defer state.CatchOutOfMemory(&err)
	if len(keys) == 0 {
		return &Lead{UpTo: upTo}, nil
	}
	s, err := r.Seeker()
	if err != nil {
		return nil, err
	}
	defer r.Done(s)
	to, from, err := r.bothEnds(s, keys, upTo)
	if err != nil {
		return nil, err
	}
	b := r.builder(from, to, upTo)
	if r.Last != 0 {
		b.written = func(db int, key []byte) (at uint64, err error) {
			for line, err := range s.Lines(Key{DB: db, Key: key}, r.Last, upTo, true) {
				if err != nil {
					return 0, err
				}
				return line.Offset, nil
			}
			return 0, nil
		}
	}
	for _, k := range keys {
		if err := b.key(k.DB, k.Key); err != nil {
			return nil, err
		}
	}
	return b.lead()
}

// bothEnds has the keys as they were at the point, and as they are. Where the entries since
// are at hand, what the keys are now follows from these, as for a view.
func (r *Return) bothEnds(s *Seeker, keys []Key, upTo uint64) (to, from *state.State, err error) {
	known := r.Known
	if known == nil || known.offset != r.To.Offset {
		known = &Known{offset: r.To.Offset}
	}
	if r.Last == 0 && r.Keys == nil && r.t.all() && len(r.t.sources) <= fewReturned {
		keys = slices.Clone(keys)
		for _, p := range r.t.sources {
			keys = append(keys, Key{DB: p.db, Key: []byte(p.key)})
		}
		if to, err = known.look(s, keys); err != nil {
			return nil, nil, err
		}
		from, err = r.present(to, s.seed(), upTo)
		return to, from, err
	}
	if to, err = known.look(s, keys); err != nil {
		return nil, nil, err
	}
	built, err := s.At(upTo, keys...)
	if err != nil {
		return nil, nil, err
	}
	return to, built.State, nil
}

// Known is what keys were at a point, as far as that was asked for.
type Known struct {
	offset uint64
	state  *state.State
	keys   map[place]bool // those that have been looked up
}

// NewKnown knows nothing yet of what was after an entry.
func NewKnown(offset uint64) *Known { return &Known{offset: offset} }

// Offset is that of the entry.
func (k *Known) Offset() uint64 { return k.offset }

// mostKnown is how many keys are known, and mostKnownBytes how many bytes they may take.
const (
	mostKnown      = 100_000
	mostKnownBytes = 64 << 20
)

// look is a state that has the keys, and maybe others, as they were.
func (k *Known) look(s *Seeker, keys []Key) (*state.State, error) {
	if k.state == nil || len(k.keys) > mostKnown || k.state.Used() > mostKnownBytes {
		k.state, k.keys = state.New(s.seed()), map[place]bool{}
	}
	var more []Key
	for _, key := range keys {
		if p := (place{key.DB, string(key.Key)}); !k.keys[p] {
			k.keys[p] = true
			more = append(more, key)
		}
	}
	if len(more) == 0 {
		return k.state, nil
	}
	found, err := s.At(k.offset, more...)
	for i := 0; i < len(more) && err == nil; i++ {
		if r, ok := found.State.Record(more[i].DB, more[i].Key); ok {
			err = k.state.Import(more[i].DB, r)
		}
	}
	if err != nil {
		k.state = nil
		return nil, err
	}
	return k.state, nil
}

// present is what keys are now, of those that the entries since the point speak of.
func (r *Return) present(to *state.State, seed, upTo uint64) (*state.State, error) {
	from := &compaction.Built{At: max(r.To.Offset, r.Same)}
	from.State = state.New(seed)
	if err := r.bring(from.State, to); err != nil {
		return nil, err
	}
	return from.State, r.advance(from, upTo)
}

// viewed has the whole state at the point. What the keys are now follows from what they
// were there and the entries since.
func (r *Return) viewed(to *compaction.Built, upTo uint64) (*Lead, error) {
	from, err := r.present(to.State, compaction.Seed(to.Root), upTo)
	if err != nil {
		return nil, err
	}
	b := r.builder(from, to.State, upTo)
	b.written = func(db int, key []byte) (uint64, error) { return r.t.lastOf(db, key), nil }
	if r.Last != 0 {
		err = r.eachUndone(to.State, b.key)
	} else {
		err = r.each(from, to.State, b)
	}
	if err != nil {
		return nil, err
	}
	l, err := b.lead()
	if err == nil && r.Last == 0 && r.Keys == nil && r.TTL == TTLAbsolute {
		digest := to.State.Digest()
		l.Digest = &digest
	}
	return l, err
}

// advance lets the entries since the point happen.
func (r *Return) advance(b *compaction.Built, upTo uint64) error {
	if !r.t.all() {
		return b.Advance(r.Log.Dir(), upTo)
	}
	for i, body := range r.t.bodies {
		if err := b.State.ApplyEntry(body); err != nil {
			return &compaction.Unapplicable{Offset: b.At + 1 + uint64(i), Err: err}
		}
	}
	return nil
}

// bring copies into a new state what the entries since the point speak of. Of a database
// that was emptied that is no more than they name: what they do not, is not there now.
func (r *Return) bring(from, to *state.State) (err error) {
	add := func(b *state.Batch, db int, key []byte) error {
		record, ok := to.Record(db, key)
		if !ok {
			return nil
		}
		if record.ExpireAt != 0 {
			record.ExpireAt = shifted(record.ExpireAt, r.SameShift)
		}
		return b.Add(record)
	}
	batch := from.NewBatch()
	err = r.t.each(func(db int, names [][]byte) error {
		to.Prefetch(db, names)
		batch.Reset(db)
		for _, key := range names {
			if err := add(batch, db, key); err != nil {
				return err
			}
		}
		return from.ImportBatch(batch)
	})
	one := func(db int, key []byte) bool {
		if from.View(db, 0).Exists(key) {
			return true
		}
		batch.Reset(db)
		if err = add(batch, db, key); err == nil {
			err = from.ImportBatch(batch)
		}
		return err == nil
	}
	for db, swapped := range r.t.swapped {
		if swapped != 0 && err == nil {
			to.View(db, 0).Each(func(key []byte) bool { return one(db, key) })
		}
	}
	for i := 0; i < len(r.t.sources) && err == nil; i++ {
		one(r.t.sources[i].db, []byte(r.t.sources[i].key))
	}
	for db := 0; r.TTL != TTLAbsolute && db < state.Databases && err == nil; db++ {
		eachExpiring(to, db, func(key []byte) bool { return r.t.whole[db].first != 0 || one(db, key) })
	}
	return err
}

func eachExpiring(st *state.State, db int, fn func(key []byte) bool) {
	if st.Expires(db) == 0 {
		return
	}
	view := st.View(db, 0)
	view.Each(func(key []byte) bool {
		at, _ := view.ExpireAt(key)
		return at == 0 || fn(key)
	})
}

// each visits every key that may differ: in databases that entries speak of as a whole all
// that there are on either side, in others those that they name, and those whose expiries
// move.
func (r *Return) each(from, to *state.State, b *leadBuilder) (err error) {
	one := func(db int, key []byte) bool {
		if r.concerns(key) {
			err = b.key(db, key)
		}
		return err == nil
	}
	err = r.t.each(func(db int, names [][]byte) error {
		if r.t.whole[db].first != 0 {
			return nil
		}
		to.Prefetch(db, names)
		from.Prefetch(db, names)
		for _, key := range names {
			if !one(db, key) {
				return err
			}
		}
		return nil
	})
	for db := 0; db < state.Databases && err == nil; db++ {
		was, is := to.View(db, 0), from.View(db, 0)
		switch {
		case r.t.whole[db].first != 0:
			is.Each(func(key []byte) bool { return was.Exists(key) || one(db, key) })
			if err == nil {
				err = r.eachThen(from, to, db, b)
			}
		case r.TTL != TTLAbsolute:
			eachExpiring(to, db, func(key []byte) bool {
				_, named := r.t.index[db][string(key)]
				return named || one(db, key)
			})
		}
	}
	return err
}

// eachThen visits every key that a database had. A string that is not there now needs no
// comparison: a hundred thousand of them are told in some ten ms.
func (r *Return) eachThen(from, to *state.State, db int, b *leadBuilder) (err error) {
	is := from.View(db, 0)
	if is.Len() == 0 {
		b.u.b.Grow(int(min(to.Blocks(), int64(b.r.Limit))))
	}
	to.Export(db, 0, func(was state.Record) bool {
		switch {
		case !r.concerns(was.Key):
		case was.Type == state.String && !is.Exists(was.Key):
			err = b.text(db, &was)
		default:
			err = b.key(db, was.Key)
		}
		return err == nil
	})
	return err
}

// eachUndone visits the keys that the entries which are taken back have changed: those that
// they name, and where they speak of a whole database all that it had. Of databases that
// have changed places any may have been in any.
func (r *Return) eachUndone(to *state.State, visit func(db int, key []byte) error) (err error) {
	seen := map[place]bool{}
	one := func(db int, key []byte) {
		if p := (place{db, string(key)}); err == nil && r.concerns(key) && !seen[p] {
			seen[p] = true
			err = visit(db, key)
		}
	}
	spread := func(db int, key []byte) {
		if !r.within(r.t.swapped[db]) {
			one(db, key)
			return
		}
		for other, swapped := range r.t.swapped {
			if r.within(swapped) {
				one(other, key)
			}
		}
	}
	for i := range r.t.keys {
		if k := &r.t.keys[i]; r.within(k.first) {
			spread(k.db, []byte(k.key))
		}
	}
	for db, whole := range r.t.whole {
		if r.within(whole.first) {
			to.View(db, 0).Each(func(key []byte) bool { spread(db, key); return err == nil })
		}
	}
	return err
}

// leadBuilder makes a Lead, key by key.
type leadBuilder struct {
	r         *Return
	u         undoer
	stat      Stat
	upTo      uint64
	written   func(db int, key []byte) (at uint64, err error) // the last entry that may have changed it
	conflicts ConflictError
}

func (r *Return) builder(from, to *state.State, upTo uint64) *leadBuilder {
	c := &Comparison{From: &At{Built: &compaction.Built{}}, To: &At{Resolved: r.To, Built: &compaction.Built{}}}
	c.From.State, c.To.State = from, to
	return &leadBuilder{r: r, u: undoer{c: c}, upTo: upTo, conflicts: ConflictError{Last: r.Last}}
}

// key says what leads one key back.
func (b *leadBuilder) key(db int, key []byte) error {
	d, ok := b.u.c.texts(db, key)
	if !ok {
		d = b.u.c.at(db, key)
	}
	if d.After.ExpireAt, ok = b.r.expiry(d.After.ExpireAt); !ok {
		d.After = Value{}
	}
	if d.same() {
		return nil
	}
	if b.r.Last != 0 {
		at, err := b.written(db, key)
		if err != nil {
			return err
		}
		if at > b.r.Last {
			b.conflicts.add(d.Name(), at)
		}
	}
	b.stat.count(&d)
	b.u.key(&d)
	return b.fits()
}

// expiry is what becomes of one, in ms since 1970; ok is false where the key was due at the
// point and is not to come back for that.
func (r *Return) expiry(at int64) (then int64, ok bool) {
	switch {
	case at == 0 || r.TTL == TTLAbsolute:
		return at, true
	case r.TTL == TTLShift:
		return shifted(at, r.Shift()), true
	}
	return 0, at > r.To.Clock/1000
}

// Shift is how many ms are added to expiries.
func (r *Return) Shift() int64 {
	if r.TTL != TTLShift {
		return 0
	}
	return r.Now.UnixMilli() - r.To.Clock/1000
}

// text brings a string back that is not there.
func (b *leadBuilder) text(db int, was *state.Record) error {
	at, ok := b.r.expiry(was.ExpireAt)
	if !ok {
		return nil
	}
	b.stat.Added++
	b.u.text(db, was.Key, was.Value, at, was.Number())
	return b.fits()
}

func (b *leadBuilder) fits() error {
	if n := b.u.b.Len(); n > b.r.Limit {
		return fmt.Errorf("%w: going back to %s takes more than %d bytes; take fewer keys at a time with MATCH, or make a directory of it with `altilium restore`",
			ErrTooLarge, b.u.c.To.Resolved, b.r.Limit)
	}
	return nil
}

func (b *leadBuilder) lead() (*Lead, error) {
	if b.conflicts.Count > 0 && !b.r.Force {
		return nil, &b.conflicts
	}
	return &Lead{Stat: b.stat, UpTo: b.upTo, Events: b.u.b.Bytes(), Conflicts: b.conflicts.Count}, nil
}

// ConflictError says which keys would lose what was written to them since. It is an
// ErrConflict.
type ConflictError struct {
	Last  uint64   // the last entry that was to be taken back
	Count int      // of keys
	Keys  []string // the first of them, each with the entry that wrote it last
}

// mostConflicts is how many are named.
const mostConflicts = 10

func (e *ConflictError) add(name string, at uint64) {
	if e.Count++; len(e.Keys) < mostConflicts {
		e.Keys = append(e.Keys, fmt.Sprintf("%s @%d", name, at))
	}
}

// Error names the first keys.
func (e *ConflictError) Error() string {
	more := ""
	if e.Count > len(e.Keys) {
		more = ", …"
	}
	keys := "keys were"
	if e.Count == 1 {
		keys = "key was"
	}
	return fmt.Sprintf("%d %s written after @%d: %s%s", e.Count, keys, e.Last, strings.Join(e.Keys, ", "), more)
}

// Unwrap makes errors.Is with ErrConflict true.
func (e *ConflictError) Unwrap() error { return ErrConflict }
