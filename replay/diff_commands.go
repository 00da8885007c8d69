package replay

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event"
)

// mostWords is how many words a command of Commands has, about: a collection of
// millions is several commands.
const mostWords = 1000

// Commands hands visit the commands, as words, that make a key of From what it is in
// To, each in the order to be sent, to a server that has selected the key's database.
// The slices are visit's to keep. A list that differs is made anew, and so is a stream
// in which more than new entries at its end differs; what cannot be said in commands
// is when a stream's consumers were seen.
func (c *Comparison) Commands(d *Difference, visit func(words ...[]byte) error) error {
	w := writer{key: d.Key, visit: visit}
	a, b := &d.Before, &d.After
	fresh := a.Type == state.None
	var s state.Entries
	if b.Type == state.Stream {
		s, w.err = c.To.State.View(d.DB, 0).Stream(d.Key)
	}
	if b.Type == state.None || !fresh && (a.Type != b.Type || a.Type == state.List && len(d.Parts) > 0 || d.remade(s)) {
		w.do("DEL")
		fresh = true
	}
	switch b.Type {
	case state.None:
		return w.err
	case state.String:
		if fresh || !bytes.Equal(a.Text, b.Text) {
			w.do("SET", b.Text)
			fresh = true // SET takes the expiry away
		}
	case state.List:
		if fresh {
			w.many("RPUSH", b.Elements)
		}
	case state.Stream:
		w.stream(s, d, fresh)
	default:
		w.parts(d, fresh)
	}
	switch {
	case b.ExpireAt != 0 && (fresh || a.ExpireAt != b.ExpireAt):
		w.do("PEXPIREAT", strconv.AppendInt(nil, b.ExpireAt, 10))
	case b.ExpireAt == 0 && a.ExpireAt != 0 && !fresh:
		w.do("PERSIST")
	}
	return w.err
}

// remade reports whether a stream must be made anew: commands only add at its end, and
// only give to its groups. s is the stream after.
func (d *Difference) remade(s state.Entries) bool {
	a, b := d.Before.Stream, d.After.Stream
	if a == nil || b == nil {
		return false
	}
	if d.Beside && (len(a.Groups) > 0 || b.Last.Compare(a.Last) < 0 || len(pendingOfGone(s)) > 0) {
		return true
	}
	// Where a new entry is not at the end, one that a has is among as many last ones.
	for _, e := range b.Entries[max(0, len(b.Entries)-d.added()):] {
		if e.ID.Compare(a.Last) <= 0 {
			return true
		}
	}
	return d.added() < len(d.Parts)
}

// added is how many parts are new.
func (d *Difference) added() (n int) {
	for _, p := range d.Parts {
		if p.Before == nil {
			n++
		}
	}
	return n
}

// writer collects the commands of one key.
type writer struct {
	key   []byte
	visit func(words ...[]byte) error
	err   error
}

// do gives one command, whose first argument is the key.
func (w *writer) do(name string, args ...[]byte) {
	w.raw(append([][]byte{[]byte(name), w.key}, args...)...)
}

func (w *writer) raw(words ...[]byte) {
	if w.err == nil {
		w.err = w.visit(words...)
	}
}

// many gives a command with many arguments, in as many commands as it takes.
func (w *writer) many(name string, args [][]byte) {
	for piece := range slices.Chunk(args, mostWords) {
		w.do(name, piece...)
	}
}

// parts changes a hash, a set or a sorted set.
func (w *writer) parts(d *Difference, fresh bool) {
	parts := d.Parts
	if fresh {
		parts = namedParts(nil, d.After.named())
	}
	var gone, set [][]byte
	for _, p := range parts {
		switch {
		case p.After == nil:
			gone = append(gone, p.Name)
		case d.After.Type == state.Hash:
			set = append(set, p.Name, *p.After)
		case d.After.Type == state.ZSet:
			set = append(set, *p.After, p.Name)
		default:
			set = append(set, p.Name)
		}
	}
	add, remove := "SADD", "SREM"
	switch d.After.Type {
	case state.Hash:
		add, remove = "HSET", "HDEL"
	case state.ZSet:
		add, remove = "ZADD", "ZREM"
	}
	w.many(add, set) // first, so that the key is not gone between
	w.many(remove, gone)
}

// stream makes a stream anew, or adds what is new at its end. A group is only given what the
// stream has: so entries that are gone, but pending, are there until the groups are.
func (w *writer) stream(s state.Entries, d *Difference, fresh bool) {
	if !fresh && !d.Beside {
		return
	}
	had := map[event.ID]bool{}
	if !fresh {
		for _, e := range d.Before.Stream.Entries {
			had[e.ID] = true
		}
	}
	gone := pendingOfGone(s)
	add := append([]Entry{}, d.After.Stream.Entries...)
	for _, id := range gone {
		add = append(add, Entry{ID: id, Pairs: []Text{Text("x"), Text("y")}})
	}
	slices.SortFunc(add, func(a, b Entry) int { return a.ID.Compare(b.ID) })
	top := s.Last()
	for _, e := range add {
		if had[e.ID] {
			continue
		}
		args := [][]byte{[]byte(e.ID.String())}
		for _, p := range e.Pairs {
			args = append(args, p)
		}
		w.do("XADD", args...)
		if e.ID.Compare(top) > 0 {
			top = e.ID
		}
	}
	if fresh && len(add) == 0 { // a stream may be empty, but cannot be made so
		w.do("XADD", []byte("MAXLEN"), []byte("0"), []byte("0-1"), []byte("x"), []byte("y"))
	}
	// Before the groups: later versions of Redis have none that has read more than was added. Nor
	// has a stream more entries than were added, which those that are gone may make it have.
	w.setID(s, top, max(s.Added(), uint64(len(add))))
	for i := range s.Groups() {
		w.group(s.GroupAt(i))
	}
	if len(gone) > 0 {
		w.remove(s, gone)
		w.setID(s, s.Last(), s.Added())
	}
}

// setID gives a stream its counters.
func (w *writer) setID(s state.Entries, last event.ID, added uint64) {
	w.do("XSETID", []byte(last.String()), []byte("ENTRIESADDED"), strconv.AppendUint(nil, added, 10),
		[]byte("MAXDELETEDID"), []byte(s.Deleted().String()))
}

// remove takes entries away. Those before all others are trimmed: the highest id that was
// deleted, which XDEL moves, cannot be set to none again.
func (w *writer) remove(s state.Entries, gone []event.ID) {
	if s.Len() == 0 {
		w.do("XTRIM", []byte("MAXLEN"), []byte("0"))
		return
	}
	before, _ := slices.BinarySearchFunc(gone, s.FirstEntry(), event.ID.Compare)
	if before > 0 {
		w.do("XTRIM", []byte("MINID"), []byte(s.FirstEntry().String()))
	}
	var ids [][]byte
	for _, id := range gone[before:] {
		ids = append(ids, []byte(id.String()))
	}
	w.many("XDEL", ids)
}

// pendingOfGone are the ids that groups have as pending of entries which the stream has no
// more, in order, each once.
func pendingOfGone(s state.Entries) (ids []event.ID) {
	for i := range s.Groups() {
		s.GroupAt(i).EachPending(event.ID{}, func(p state.Pending) bool {
			if _, there := s.Entry(p.ID); !there {
				ids = append(ids, p.ID)
			}
			return true
		})
	}
	slices.SortFunc(ids, event.ID.Compare)
	return slices.Compact(ids)
}

// group makes a consumer group with what is pending.
func (w *writer) group(g state.Group) {
	w.raw([]byte("XGROUP"), []byte("CREATE"), w.key, g.Name(), []byte(g.Last().String()),
		[]byte("ENTRIESREAD"), strconv.AppendInt(nil, g.Read(), 10))
	for i := range g.Consumers() {
		w.raw([]byte("XGROUP"), []byte("CREATECONSUMER"), w.key, g.Name(), g.ConsumerAt(i).Name())
	}
	g.EachPending(event.ID{}, func(p state.Pending) bool {
		w.do("XCLAIM", g.Name(), p.Consumer, []byte("0"), []byte(p.ID.String()), []byte("TIME"), strconv.AppendInt(nil, p.Since, 10),
			[]byte("RETRYCOUNT"), strconv.AppendUint(nil, p.Count, 10), []byte("JUSTID"), []byte("FORCE"))
		return w.err == nil
	})
}
