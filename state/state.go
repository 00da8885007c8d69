package state

import (
	"errors"

	"github.com/altilium-db/altilium/state/event"
)

// Databases is how many databases there are.
const Databases = 16

// Type is the type of a value: a fixed number, in checkpoints too.
type Type uint8

// The types.
const (
	None   Type = 0 // there is no key
	String Type = 1
	Hash   Type = 2
	Set    Type = 3
	List   Type = 4
	ZSet   Type = 5
	Stream Type = 6
)

// String is the word that TYPE answers.
func (t Type) String() string {
	switch t {
	case String:
		return "string"
	case Hash:
		return "hash"
	case Set:
		return "set"
	case List:
		return "list"
	case ZSet:
		return "zset"
	case Stream:
		return "stream"
	}
	return "none"
}

// ErrWrongType is returned when a key holds another type than was asked for.
var ErrWrongType = errors.New("WRONGTYPE Operation against a key holding the wrong kind of value")

// State is all sixteen databases. See the package comment.
type State struct {
	dbs    [Databases]*database
	secret *secret
	next   int64 // the earliest expiry in all dbs, never where there is none

	keyspace func(*database) keyspace // of a new database

	ev      event.Event      // scratch for Apply
	payload []byte           // scratch for a new payload
	spare   []byte           // scratch for the next one
	score   [scoreBytes]byte // scratch for a score
	clock   uint32           // access clock in s, see SetAccessClock
	access  Access           // how accesses are noted
	luck    uint64           // draws for that
	pool    []candidate      // see Victim
	hashes  []uint64         // scratch for Prefetch
	located located          // scratch for removeItems
	last    lastFound
}

// lastFound is the key, and the field of a large hash, that were looked up last: a
// command may look at its key more than once, and what it decides is applied next.
// It is forgotten after each event.
type lastFound struct{ key, field found }

type found struct {
	k keyspace
	h uint64
	r ref // 0: none
}

// find finds a key: its hash and its record, 0 where it is not there.
func (d *database) find(key []byte) (h uint64, r ref) { return d.last.key.find(d, d.keys, key) }

// findField finds a field of a large hash, whose index x is.
func (d *database) findField(x *index, field []byte) (h uint64, r ref) {
	return d.last.field.find(d, x, field)
}

func (l *found) find(d *database, k keyspace, key []byte) (h uint64, r ref) {
	if l.r != 0 && l.k == k && string(d.key(l.r)) == string(key) {
		return l.h, l.r
	}
	h = d.secret.hash(key)
	r = k.find(h, key)
	*l = found{k, h, r}
	return h, r
}

// database is one keyspace with what is known of it as a whole. It does not know
// its own number, so that Swap and Flush are an exchange of pointers.
type database struct {
	secret *secret
	last   *lastFound // shared by all
	mem    *memory
	keys   keyspace
	due    expiryHeap           // the records that have an expiry
	sum    uint64               // of the digests of all keys but the dirty ones
	dirty  map[*object]struct{} // those whose digest is behind their content

	heap  int64 // bytes of Go's memory that the objects of keys and fields take
	dying int64 // bytes that dead hashes still have

	objects     []*object // by number
	freeObjects []uint32
	graves      []grave // large hashes that are being released
	settled     int64   // mem.used after the last event, while there are graves

	moves      []*object // those whose long strings move
	spent      []spent   // what these had and is being given back
	spentBytes int
	letGone    int64 // bytes of regions that are left to the collector
}

func (s *State) newDatabase() *database {
	d := &database{secret: s.secret, last: &s.last, mem: newMemory()}
	d.due.d = d
	d.keys = s.keyspace(d)
	return d
}

// New gives an empty state. The seed decides the order of its keys and keeps it
// from being guessed: a log's states should all have the same, so that a replay
// sees the keys in the same order, and those of different logs different ones.
func New(seed uint64) *State {
	secret := newSecret(seed)
	s := &State{next: never, secret: &secret, keyspace: func(d *database) keyspace { return newIndex(d) }}
	for i := range s.dbs {
		s.dbs[i] = s.newDatabase()
	}
	return s
}

// Keys is the number of keys in a database, those that are due included.
func (s *State) Keys(db int) int { return s.dbs[db].keys.count() }

// TotalKeys is the number of keys in all databases.
func (s *State) TotalKeys() int {
	n := 0
	for _, d := range s.dbs {
		n += d.keys.count()
	}
	return n
}

// Expires is the number of keys of a database that have an expiry.
func (s *State) Expires(db int) int { return s.dbs[db].due.n }

// Expect says that so many keys will be imported into a database, in its order: it
// is the faster for it, and reads are afterwards. It takes 11 bytes of memory for
// each at once, so the number must be one to be trusted. Nothing is done where
// there are keys already.
func (s *State) Expect(db, keys int) { s.dbs[db].keys.expect(keys) }

// View gives the commands' view of a database at a moment (ms since 1970).
func (s *State) View(db int, nowMS int64) View { return View{s: s, d: s.dbs[db], db: db, now: nowMS} }

// Prefetch says that commands on these keys of a database come next. It changes
// nothing: what they will look at is read once, side by side, so that each of them
// finds it in the processor's cache. Worth it for ten keys or more of many.
func (s *State) Prefetch(db int, keys [][]byte) { s.touch(s.dbs[db].keys, keys) }

// PrefetchHashes is Prefetch for keys with these hashes, see [State.Prepare].
func (s *State) PrefetchHashes(db int, hashes []uint64) { s.dbs[db].keys.touch(hashes) }

// PrefetchFields is Prefetch for fields of the hash at key, if it is a large one.
func (s *State) PrefetchFields(db int, key []byte, fields [][]byte) {
	d := s.dbs[db]
	if _, r := d.find(key); r != 0 {
		if _, o := d.payload(d.mem.at(r)); o != nil && o.hash != nil {
			s.touch(o.hash.index, fields)
		}
	}
}

func (s *State) touch(k keyspace, keys [][]byte) {
	s.hashes = s.hashes[:0]
	for _, key := range keys {
		s.hashes = append(s.hashes, s.secret.hash(key))
	}
	k.touch(s.hashes)
}

// Memory is how many bytes the keys and what they hold take, but for large values
// and large hashes, which are Go memory.
func (s *State) Memory() (n int64) {
	for _, d := range s.dbs {
		n += d.mem.taken
	}
	return n
}

// Blocks is how many bytes of the same are in use.
func (s *State) Blocks() (n int64) {
	for _, d := range s.dbs {
		n += d.mem.used
	}
	return n
}

// Purge gives the memory of free pages back to the system, which otherwise some keep for
// the next key.
func (s *State) Purge() {
	for _, d := range s.dbs {
		d.mem.purge()
	}
}
