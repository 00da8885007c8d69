package keyindex

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/altilium-db/altilium/log"
)

// FormatVersion is the version of the file that this package writes.
const FormatVersion = 1

const (
	magic      = "altkidx\n"
	fanoutBits = 10
	fanouts    = 1 << fanoutBits
	headBytes  = len(magic) + 4 + 16 + 3*8 + 4 + 8 + 2*8 + 4*fanouts + 4
	blocksAt   = 8192 // in the file
	blockBytes = 4096
	perBlock   = blockBytes/8 - 1
)

// castagnoli is the polynomial's table: computed once, never written.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// head is what a file says of itself.
type head struct {
	first     uint64
	count     uint64
	size      uint64
	lastCRC   uint32
	firstTime int64
	records   uint64 // of keys and connections
	whole     uint64 // of whole databases
	fanout    [fanouts]uint32

	crc uint32
}

// bad says that a file is not the index of its segment, or not a whole one.
type bad struct {
	path string
	what string
}

// Error names the file.
func (b *bad) Error() string {
	return fmt.Sprintf("the index %s cannot be used, and is made again: %s", b.path, b.what)
}

// fileHead is the head of the file of a table of segment s.
func fileHead(t *table, s log.Segment) (h head, err error) {
	keys, whole := t.keys.all(), t.whole.all()
	h = head{first: s.First, count: s.Count, size: uint64(s.Size), lastCRC: s.LastCRC, firstTime: t.firstTime,
		records: uint64(len(keys)), whole: uint64(len(whole))}
	if h.records > math.MaxUint32 {
		return h, ErrTooLong
	}
	for _, v := range keys {
		h.fanout[v>>(64-fanoutBits)]++
	}
	for i := 1; i < fanouts; i++ {
		h.fanout[i] += h.fanout[i-1]
	}
	return h, nil
}

// encode gives the head's bytes, and notes its CRC.
func (h *head) encode(id log.ID) []byte {
	le := binary.LittleEndian
	p := append(make([]byte, 0, headBytes), magic...)
	p = append(le.AppendUint32(p, FormatVersion), id[:]...)
	p = le.AppendUint64(le.AppendUint64(le.AppendUint64(p, h.first), h.count), h.size)
	p = le.AppendUint64(le.AppendUint32(p, h.lastCRC), uint64(h.firstTime))
	p = le.AppendUint64(le.AppendUint64(p, h.records), h.whole)
	for _, n := range h.fanout {
		p = le.AppendUint32(p, n)
	}
	h.crc = id.Checksum(p)
	return le.AppendUint32(p, h.crc)
}

// decode reads what encode wrote, and says what is wrong with it: "" where it is the head
// of the index of segment s.
func (h *head) decode(p []byte, id log.ID, s log.Segment) (wrong string) {
	le := binary.LittleEndian
	if len(p) < headBytes || string(p[:len(magic)]) != magic {
		return "it does not begin as an index"
	}
	if h.crc = le.Uint32(p[headBytes-4:]); h.crc != id.Checksum(p[:headBytes-4]) {
		return "its head fails its CRC, or is another log's"
	}
	p = p[len(magic):]
	if v := le.Uint32(p); v != FormatVersion {
		return fmt.Sprintf("it has format %d, this program makes %d", v, FormatVersion)
	}
	p = p[4+len(id):] // the id is in the CRC
	h.first, h.count, h.size, h.lastCRC = le.Uint64(p), le.Uint64(p[8:]), le.Uint64(p[16:]), le.Uint32(p[24:])
	p = p[28:]
	h.firstTime, h.records, h.whole = int64(le.Uint64(p)), le.Uint64(p[8:]), le.Uint64(p[16:])
	p = p[24:]
	for i := range h.fanout {
		h.fanout[i] = le.Uint32(p[4*i:])
	}
	if h.first != s.First || h.count != s.Count || h.size != uint64(s.Size) || h.lastCRC != s.LastCRC {
		return "it was made from other bytes than the segment has"
	}
	return ""
}

// blocks is how many blocks so many records take.
func blocks(records uint64) uint64 { return (records + perBlock - 1) / perBlock }

// fileSize is how long the file is.
func (h *head) fileSize() int64 {
	return blocksAt + int64(blocks(h.records)+blocks(h.whole))*blockBytes
}

// sealBlock fills in number and CRC of a block.
func (h *head) sealBlock(p []byte, number uint64) {
	binary.LittleEndian.PutUint32(p[blockBytes-8:], uint32(number))
	binary.LittleEndian.PutUint32(p[blockBytes-4:], crc32.Update(h.crc, castagnoli, p[:blockBytes-4]))
}

// isBlock reports whether p is the block of that number.
func (h *head) isBlock(p []byte, number uint64) bool {
	return binary.LittleEndian.Uint32(p[blockBytes-8:]) == uint32(number) &&
		binary.LittleEndian.Uint32(p[blockBytes-4:]) == crc32.Update(h.crc, castagnoli, p[:blockBytes-4])
}
