package compaction

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"path/filepath"
	"sort"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event/pack"
)

// Name is a key of a database.
type Name struct {
	DB  int
	Key []byte
}

// Find reads single keys of the checkpoint that the manifest of dir describes as want; see
// [Finder] and [Load]. The records are in the order of names, nil for a key that is not there.
func Find(dir string, id, root log.ID, want log.Checkpoint, names ...Name) ([]*state.Record, error) {
	f, err := OpenFinder(dir, id, root, want)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Find(names...)
}

// Finder reads single keys of a checkpoint without loading it. Its records lie in the order
// of the hashes of their keys, by database; so the shard that a key would be in is found by
// halving, of the first keys of shards, and its block by going from one head of a block to the
// next, which for a shard of small values are some dozens.
//
// On the way only first keys are looked at, without a CRC. What is answered rests on
// blocks that have been read and checked as a whole: the one with the key, or the two
// that a key which is not there would have to lie between. Where those do not fit the way
// that led to them, the file is read from its beginning, which finds out what is wrong.
// What only that can find out is a whole block in the place of another.
//
// A Finder keeps what it has seen of heads, and serves one goroutine at a time.
type Finder struct {
	path   string
	id     log.ID
	src    *source
	hasher *state.Hasher
	starts []int64         // of the shards in the file, and the end of the last
	firsts map[int]uint64  // hash of the first key of a shard
	fences map[int][]fence // of the blocks of a shard
	buf    []byte          // scratch for a block
}

// fence is where a block begins that a record begins in, and the hash of its first key.
type fence struct {
	pos  int64
	hash uint64
}

// OpenFinder opens the checkpoint that the manifest of dir describes as want, of the log id
// whose RootID is root. The errors of this and of Find are those of [Load].
func OpenFinder(dir string, id, root log.ID, want log.Checkpoint) (*Finder, error) {
	f := &Finder{path: filepath.Join(dir, filepath.FromSlash(want.File)), id: id, hasher: state.NewHasher(Seed(root)),
		firsts: map[int]uint64{}, fences: map[int][]fence{}}
	var err error
	if f.src, err = open(f.path, id, want); err != nil {
		return nil, err
	}
	at := f.src.pos
	for _, s := range f.src.head.shards {
		f.starts = append(f.starts, at)
		at += int64(s.bytes)
	}
	f.starts = append(f.starts, at)
	return f, nil
}

// Close closes the file.
func (f *Finder) Close() { f.src.close() }

// Find looks for keys. The records are in the order of names, nil for a key that is not
// there, and the caller's.
func (f *Finder) Find(names ...Name) ([]*state.Record, error) {
	found := make([]*state.Record, len(names))
	for i, name := range names {
		r, err := f.one(name)
		if errors.Is(err, errLost) {
			return f.readThrough(names)
		}
		if err != nil {
			return nil, err
		}
		found[i] = r
	}
	return found, nil
}

// errLost says that what was read is not what the way there promised.
var errLost = errors.New("the blocks are not in order")

func (f *Finder) one(name Name) (*state.Record, error) {
	from, to := f.shardsOf(name.DB)
	if from == to {
		return nil, nil
	}
	hash := f.hasher.Hash(name.Key)
	shard, err := f.shardFor(from, to, hash)
	if err != nil {
		return nil, err
	}
	fences, err := f.fencesOf(shard)
	if err != nil {
		return nil, err
	}
	i := max(sort.Search(len(fences), func(i int) bool { return fences[i].hash >= hash })-1, 0)
	pos, before := fences[i].pos, uint64(0) // the last hash before pos
	begin := i == 0 && shard == from
	for shard < to {
		data, next, err := f.chunkAt(shard, pos)
		if err != nil {
			return nil, err
		}
		lo, hi, r, err := f.search(pos, data, name.Key, hash)
		switch {
		case err != nil || r != nil:
			return r, err
		case lo < before || !begin && lo >= hash:
			return nil, errLost
		case hi > hash:
			return nil, nil
		}
		before, begin = hi, true
		if pos = next; pos == f.starts[shard+1] {
			shard++
		}
	}
	return nil, nil
}

// shardsOf is which shards hold a database.
func (f *Finder) shardsOf(db int) (from, to int) {
	shards := f.src.head.shards
	for from < len(shards) && shards[from].db != db {
		from++
	}
	for to = from; to < len(shards) && shards[to].db == db; to++ {
	}
	return from, to
}

// shardFor is the last of some shards that begins with a hash below the one that is
// looked for, or the first of them.
func (f *Finder) shardFor(from, to int, hash uint64) (int, error) {
	var failed error
	n := sort.Search(to-from-1, func(i int) bool {
		first, err := f.firstOf(from + 1 + i)
		if err != nil {
			failed = err
		}
		return first >= hash
	})
	return from + n, failed
}

// firstOf is the hash of a shard's first key.
func (f *Finder) firstOf(shard int) (uint64, error) {
	if hash, ok := f.firsts[shard]; ok {
		return hash, nil
	}
	h, err := f.look(shard, f.starts[shard], false)
	if err == nil {
		f.firsts[shard] = h.hash
	}
	return h.hash, err
}

// fencesOf lists the blocks of a shard.
func (f *Finder) fencesOf(shard int) ([]fence, error) {
	if list, ok := f.fences[shard]; ok {
		return list, nil
	}
	var list []fence
	within := false // a record that began in an earlier block
	for pos := f.starts[shard]; pos < f.starts[shard+1]; {
		h, err := f.look(shard, pos, within)
		if err != nil {
			return nil, err
		}
		if !within {
			list = append(list, fence{pos, h.hash})
		}
		pos, within = h.next, h.more
	}
	if len(list) == 0 {
		return nil, errLost
	}
	f.fences[shard] = list
	return list, nil
}

// glance is what the first bytes of a block say.
type glance struct {
	hash uint64 // of its first key; anything where it begins within a record
	next int64  // where the next block begins
	more bool   // its record goes on there
}

// glanceBytes is how much is read for one: most keys are shorter.
const glanceBytes = prefix + 512

// look reads the first bytes of a block, and no CRC. within: it begins within a record.
func (f *Finder) look(shard int, pos int64, within bool) (g glance, err error) {
	var p [glanceBytes]byte
	got, err := f.src.f.ReadAt(p[:min(glanceBytes, f.starts[shard+1]-pos)], pos)
	if err != nil && !errors.Is(err, io.EOF) {
		return g, err
	}
	if got <= prefix {
		return g, errLost
	}
	n, more := headLength(p[:])
	g.next, g.more = pos+prefix+int64(n), more
	if n == 0 || n > blockMax || g.next > f.starts[shard+1] {
		return g, errLost
	}
	if within {
		return g, nil
	}
	key, ok := firstKey(p[prefix:min(got, prefix+n)])
	if !ok { // it is long
		data, _, err := f.chunkAt(shard, pos)
		if err != nil {
			return g, err
		}
		key, _ = firstKey(data)
	}
	g.hash = f.hasher.Hash(key)
	return g, nil
}

// firstKey reads the key of the record that p begins with, if all of it is there.
func firstKey(p []byte) ([]byte, bool) {
	if len(p) == 0 || p[0] != 0x95 {
		return nil, false
	}
	u := pack.Reader{Rest: p[1:]}
	key := u.Bin()
	return key, !u.Bad
}

func (f *Finder) readError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errLost
	}
	return err
}

// chunkAt reads the blocks of a chunk and checks them; next is where the one after them
// begins. The data is valid until the next call.
func (f *Finder) chunkAt(shard int, pos int64) (data []byte, next int64, err error) {
	data = f.buf[:0]
	for {
		var pre [prefix]byte
		if _, err := f.src.f.ReadAt(pre[:], pos); err != nil {
			return nil, 0, f.readError(err)
		}
		n, more := headLength(pre[:])
		if next = pos + prefix + int64(n); n == 0 || n > blockMax || next > f.starts[shard+1] {
			return nil, 0, f.src.refuse(pos, "no block begins here")
		}
		at := len(data)
		data = append(data, make([]byte, n)...)
		if _, err := f.src.f.ReadAt(data[at:], pos+prefix); err != nil {
			return nil, 0, f.readError(err)
		}
		if blockCRC(pre[:4], data[at:], f.src.seed) != binary.LittleEndian.Uint32(pre[4:]) {
			return nil, 0, f.src.refuse(pos, "the block fails its CRC")
		}
		if cap(data) <= 4*blockMax {
			f.buf = data
		}
		if pos = next; !more {
			return data, next, nil
		}
	}
}

// search looks for a key of a hash in a chunk's records. Where it is not there, lo and hi
// are the first hash and the last, or one that is larger than the key's.
func (f *Finder) search(pos int64, data, key []byte, hash uint64) (lo, hi uint64, found *state.Record, err error) {
	u, last := pack.Reader{Rest: data}, []byte(nil)
	for len(u.Rest) > 0 {
		rec := u.Rest
		if u.Array() != 5 {
			u.Fail()
		}
		if last = u.Bin(); len(rec) == len(data) {
			if lo = f.hasher.Hash(last); lo > hash && !u.Bad {
				return lo, lo, nil, nil
			}
		}
		for range 4 {
			u.Skip()
		}
		if u.Bad {
			return 0, 0, nil, f.src.refuse(pos, "%v", errUnreadable)
		}
		if bytes.Equal(last, key) {
			if found = own(rec[:len(rec)-len(u.Rest)]); found == nil {
				err = f.src.refuse(pos, "%v", errUnreadable)
			}
			return 0, 0, found, err
		}
	}
	return lo, f.hasher.Hash(last), nil, nil
}

// readThrough looks for the keys by reading all of the file, which checks it too.
func (f *Finder) readThrough(names []Name) ([]*state.Record, error) {
	src, err := open(f.path, f.id, f.src.want)
	if err != nil {
		return nil, err
	}
	defer src.close()
	type key struct {
		db   int
		name string
	}
	places, found := map[key][]int{}, make([]*state.Record, len(names))
	for i, name := range names {
		k := key{name.DB, string(name.Key)}
		places[k] = append(places[k], i)
	}
	in := records{src: src}
	for {
		r, err := in.next()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		for _, i := range places[key{src.head.shards[in.c.shard].db, string(r.Key)}] {
			found[i] = own(appendRecord(nil, &r))
		}
	}
}

// own reads a record out of a copy of its bytes, which Skip has been over.
func own(p []byte) *state.Record {
	u, r := pack.Reader{Rest: bytes.Clone(p)}, new(state.Record)
	if !readRecord(&u, r) {
		return nil
	}
	return r
}
