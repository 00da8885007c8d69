package compaction

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event/pack"
)

// FormatVersion is the version of the checkpoint file that this package writes.
const FormatVersion = 1

const (
	magic      = "altsnap\n"
	blockMax   = 256 << 10 // bytes of payload
	blockFull  = 64 << 10  // a writer adds nothing that would make it larger: who looks for one key reads one block
	goesOn     = 1 << 31   // the record continues in the next block
	shardKeys  = 1 << 16   // keys in a shard, at most
	prefix     = 8         // length and CRC before the header and each block
	headMax    = 64 << 20  // bytes of head: 2 million shards
	headFields = 8
)

// castagnoli is the polynomial's table: computed once, never written.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seedOf turns a log id into the value that every CRC of the file starts from.
func seedOf(id log.ID) uint32 { return crc32.Checksum(id[:], castagnoli) }

// head is what a file says of itself.
type head struct {
	version uint64
	id      log.ID
	offset  uint64
	time    int64
	digest  uint64
	keys    uint64
	counts  [state.Databases]uint64
	shards  []shard
}

// shard is a contiguous range of a database.
type shard struct {
	db      int
	records uint64
	bytes   uint64 // of its blocks in the file
}

// plan gives the head of a checkpoint of st, all but the shards' bytes.
func plan(st *state.State, m Meta) head {
	h := head{version: FormatVersion, id: m.LogID, offset: m.Offset, time: m.Time, digest: st.Digest()}
	for db := range h.counts {
		n := uint64(st.Keys(db))
		h.counts[db] = n
		h.keys += n
		for ; n > 0; n -= min(n, shardKeys) {
			h.shards = append(h.shards, shard{db: db, records: min(n, shardKeys)})
		}
	}
	return h
}

// append appends the head to dst: as many bytes whatever the values are.
func (h *head) append(dst []byte) []byte {
	dst = pack.AppendArray(dst, headFields)
	dst = pack.AppendWide(dst, h.version)
	dst = pack.AppendBin(dst, h.id[:])
	for _, v := range [...]uint64{h.offset, uint64(h.time), h.digest, h.keys} {
		dst = pack.AppendWide(dst, v)
	}
	dst = pack.AppendArray(dst, len(h.counts))
	for _, n := range h.counts {
		dst = pack.AppendWide(dst, n)
	}
	dst = pack.AppendArray(dst, len(h.shards))
	for _, s := range h.shards {
		dst = pack.AppendArray(dst, 3)
		dst = pack.AppendWide(dst, uint64(s.db))
		dst = pack.AppendWide(dst, s.records)
		dst = pack.AppendWide(dst, s.bytes)
	}
	return dst
}

// parseHead reads what append wrote. Its CRC has been checked: what is wrong
// here is a newer format or a bug.
func parseHead(p []byte) (h head, err error) {
	u := pack.Reader{Rest: p}
	fields := u.Array()
	if h.version = u.Uint(); !u.Bad && h.version > FormatVersion {
		return h, fmt.Errorf("%w: checkpoint format %d, this program reads %d; use a newer altilium",
			log.ErrNewerFormat, h.version, FormatVersion)
	}
	id := u.Bin()
	h.offset, h.time, h.digest, h.keys = u.Uint(), int64(u.Uint()), u.Uint(), u.Uint()
	counts := u.Array()
	if u.Bad || fields != headFields || len(id) != len(h.id) || counts != len(h.counts) {
		return h, errHead
	}
	copy(h.id[:], id)
	for db := range h.counts {
		h.counts[db] = u.Uint()
	}
	h.shards = make([]shard, u.Array())
	for i := range h.shards {
		if u.Array() != 3 {
			u.Fail()
		}
		db := u.Uint()
		if db >= state.Databases {
			u.Fail()
			db = 0
		}
		h.shards[i] = shard{db: int(db), records: u.Uint(), bytes: u.Uint()}
	}
	if u.Bad || len(u.Rest) > 0 || !h.consistent() {
		return h, errHead
	}
	return h, nil
}

// consistent reports whether the numbers of the head agree with one another.
func (h *head) consistent() bool {
	var counts [state.Databases]uint64
	var keys uint64
	for _, s := range h.shards {
		if s.records == 0 || s.records > shardKeys {
			return false
		}
		counts[s.db] += s.records
		keys += s.records
	}
	return counts == h.counts && keys == h.keys
}

// appendRecord appends what a checkpoint keeps of a key.
func appendRecord(dst []byte, r *state.Record) []byte {
	dst = append(dst, 0x95)
	dst = pack.AppendBin(dst, r.Key)
	dst = pack.AppendUint(dst, uint64(r.Type))
	dst = pack.AppendUint(dst, uint64(r.Encoding))
	dst = pack.AppendUint(dst, uint64(r.ExpireAt))
	if len(r.Items) == 0 {
		return pack.AppendBin(dst, r.Value)
	}
	dst = pack.AppendArray(dst, len(r.Items))
	for _, p := range r.Items {
		dst = pack.AppendBin(dst, p)
	}
	return dst
}

// readRecord reads a record from the front of u into r, reusing its Items. Its
// slices point into what is read.
func readRecord(u *pack.Reader, r *state.Record) bool {
	if u.Array() != 5 {
		u.Fail()
	}
	r.Key = u.Bin()
	typ, enc, at := u.Uint(), u.Uint(), u.Uint()
	if typ > 255 || enc > 255 || at > 1<<63-1 {
		u.Fail()
	}
	r.Type, r.Encoding, r.ExpireAt = state.Type(typ), uint8(enc), int64(at)
	r.Value, r.Items = nil, r.Items[:0]
	if u.IsBin() {
		r.Value = u.Bin()
		return !u.Bad
	}
	n := u.Array()
	for range n {
		r.Items = append(r.Items, u.Bin())
		if u.Bad {
			break
		}
	}
	return !u.Bad && n > 0
}

// sealBlock fills in the length and CRC of a block whose payload lies after
// prefix bytes of room.
func sealBlock(block []byte, seed uint32, flag uint32) (crc uint32) {
	binary.LittleEndian.PutUint32(block, uint32(len(block)-prefix)|flag)
	crc = blockCRC(block[:4], block[prefix:], seed)
	binary.LittleEndian.PutUint32(block[4:], crc)
	return crc
}

func blockCRC(length, payload []byte, seed uint32) uint32 {
	return crc32.Update(crc32.Update(seed, castagnoli, length), castagnoli, payload)
}

// chain is the running CRC over CRCs that the footer holds.
type chain struct {
	blocks uint32
	crc    uint32
}

func (c *chain) add(crc uint32) {
	c.crc = crc32.Update(c.crc, castagnoli, binary.LittleEndian.AppendUint32(nil, crc))
	c.blocks++
}

// footer closes the chain, which has the header's CRC before those of the blocks.
func (c *chain) footer(headCRC uint32) []byte {
	p := binary.LittleEndian.AppendUint32(nil, c.blocks)
	crc := crc32.Update(c.crc, castagnoli, binary.LittleEndian.AppendUint32(p, headCRC))
	return binary.LittleEndian.AppendUint32(p, crc)
}
