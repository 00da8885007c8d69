package compaction

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/event/pack"
)

// source reads a checkpoint file in order: its header when it is opened, then
// chunks, which are whole records, checked. It trusts nothing that it has not
// checked, and reports what is wrong with its place.
type source struct {
	f    *os.File
	r    *bufio.Reader
	want log.Checkpoint
	seed uint32
	head head

	headCRC uint32
	chain   chain
	pos     int64  // in the file, of the next byte
	shard   int    // that the next block belongs to
	left    uint64 // bytes of it not read yet
}

// readAhead is how much is read of the file when little is asked for; what is more, as
// most blocks are, is read to where it belongs.
const readAhead = 64 << 10

// chunk is the payload of a block, or of the blocks that one record takes.
type chunk struct {
	shard int
	pos   int64 // in the file, of the first block
	data  []byte
}

// open opens a file and checks that it begins as the checkpoint that want
// describes, of the log id.
func open(path string, id log.ID, want log.Checkpoint) (*source, error) {
	s := &source{want: want, seed: seedOf(id)}
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, s.refuse(-1, "the file is missing")
	case err != nil:
		return nil, err
	}
	s.f, s.r = f, bufio.NewReaderSize(f, int(min(want.Size, readAhead)))
	if err := s.begin(id); err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

func (s *source) close() { s.f.Close() }

// refuse says that the file is not to be used.
func (s *source) refuse(at int64, format string, args ...any) error {
	return &Refusal{File: s.want.File, Byte: at, Offset: s.want.Offset, What: fmt.Sprintf(format, args...)}
}

// begin reads magic and header and holds them against what was registered.
func (s *source) begin(id log.ID) error {
	info, err := s.f.Stat()
	if err != nil {
		return err
	}
	if info.Size() != s.want.Size {
		return s.refuse(min(info.Size(), s.want.Size), "it has %d bytes, it had %d", info.Size(), s.want.Size)
	}
	front, err := s.take(nil, len(magic)+prefix)
	if err != nil {
		return err
	}
	if string(front[:len(magic)]) != magic {
		return s.refuse(0, "it does not begin as a checkpoint")
	}
	n, _ := headLength(front[len(magic):])
	if int64(n) > min(info.Size(), headMax) {
		return s.refuse(int64(len(magic)), "the header says it has %d bytes", n)
	}
	p, err := s.take(nil, n)
	if err != nil {
		return err
	}
	s.headCRC = binary.LittleEndian.Uint32(front[len(magic)+4:])
	if blockCRC(front[len(magic):len(magic)+4], p, s.seed) != s.headCRC {
		return s.refuse(int64(len(magic)), "the header fails its CRC, or is another log's")
	}
	if s.head, err = parseHead(p); err != nil {
		newer := errors.Is(err, log.ErrNewerFormat)
		return &Refusal{File: s.want.File, Byte: int64(len(magic)), Offset: s.want.Offset, What: err.Error(), newer: newer}
	}
	h, w := &s.head, s.want
	if h.id != id || h.offset != w.Offset || h.time != w.Time || h.digest != w.Digest || h.keys != uint64(w.Keys) {
		return s.refuse(int64(len(magic)), "it is another checkpoint than the one in the MANIFEST (offset %d, %d keys, digest %016x)",
			h.offset, h.keys, h.digest)
	}
	if len(h.shards) > 0 {
		s.left = h.shards[0].bytes
	}
	return nil
}

// take appends n bytes of the file to buf. n must have been held against a
// limit: the room is made at once.
func (s *source) take(buf []byte, n int) ([]byte, error) {
	at := len(buf)
	if cap(buf)-at < n {
		buf = append(make([]byte, 0, max(at+n, 2*at)), buf...)
	}
	buf = buf[:at+n]
	got, err := io.ReadFull(s.r, buf[at:])
	s.pos += int64(got)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, s.refuse(s.pos, "the file ends within the checkpoint")
	}
	return buf, err
}

// next reads the next chunk into buf, which may be reused. io.EOF comes after
// the last one, when the footer has been found right.
func (s *source) next(buf []byte) (chunk, error) {
	for s.left == 0 && s.shard < len(s.head.shards) {
		if s.shard++; s.shard < len(s.head.shards) {
			s.left = s.head.shards[s.shard].bytes
		}
	}
	c := chunk{shard: s.shard, pos: s.pos, data: buf[:0]}
	if s.shard == len(s.head.shards) {
		return c, s.end()
	}
	for {
		more, err := s.block(&c)
		if err != nil || !more {
			return c, err
		}
	}
}

// block appends the next block's payload to c.
func (s *source) block(c *chunk) (more bool, err error) {
	at, start := s.pos, len(c.data)
	var pre [prefix]byte
	if _, err := s.take(pre[:0], prefix); err != nil {
		return false, err
	}
	n, more := headLength(pre[:])
	if n == 0 || n > blockMax || uint64(n+prefix) > s.left {
		return false, s.refuse(at, "no block begins here")
	}
	if c.data, err = s.take(c.data, n); err != nil {
		return false, err
	}
	crc := binary.LittleEndian.Uint32(pre[4:])
	if blockCRC(pre[:4], c.data[start:], s.seed) != crc {
		return false, s.refuse(at, "the block fails its CRC")
	}
	s.chain.add(crc)
	s.left -= uint64(n + prefix)
	return more, nil
}

// end checks the footer and that nothing follows it.
func (s *source) end() error {
	at := s.pos
	want := s.chain.footer(s.headCRC)
	got, err := s.take(nil, len(want))
	if err != nil {
		return err
	}
	if string(got) != string(want) {
		return s.refuse(at, "the footer is another file's: a block is missing, doubled or out of place")
	}
	if s.pos != s.want.Size {
		return s.refuse(s.pos, "there is more after the footer")
	}
	return io.EOF
}

// records hands out the records of a source one by one.
type records struct {
	src  *source
	c    chunk
	u    pack.Reader
	rec  state.Record
	seen uint64 // records of the shard of c
}

// next returns the next record, valid until the next call; io.EOF at the end.
func (r *records) next() (state.Record, error) {
	for len(r.u.Rest) == 0 {
		before := r.c.shard
		c, err := r.src.next(r.c.data)
		if c.shard != before || err != nil {
			if e := r.src.countedShard(before, r.seen); e != nil && (err == nil || errors.Is(err, io.EOF)) {
				return state.Record{}, e
			}
			r.seen = 0
		}
		if err != nil {
			return state.Record{}, err
		}
		r.c, r.u = c, pack.Reader{Rest: c.data}
	}
	if !readRecord(&r.u, &r.rec) {
		return state.Record{}, r.src.refuse(r.c.pos, "%v", errUnreadable)
	}
	r.seen++
	return r.rec, nil
}

// countedShard checks how many records a shard had.
func (s *source) countedShard(shard int, seen uint64) error {
	if shard < len(s.head.shards) && seen != s.head.shards[shard].records {
		return s.refuse(s.pos, "shard %d has %d records, it should have %d", shard, seen, s.head.shards[shard].records)
	}
	return nil
}
