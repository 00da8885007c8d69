package compaction

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
)

// Meta says which state a checkpoint holds.
type Meta struct {
	LogID  log.ID // of the log that wrote the entry at Offset, see log.Manifest.IDAt
	Offset uint64
	Time   int64 // µs since 1970 of the entry at Offset; 0 for offset 0
}

// folder is where checkpoints lie in a data directory.
const folder = "checkpoints"

// FileName is the name of the checkpoint at an offset, from the data directory.
func FileName(offset uint64) string { return fmt.Sprintf("%s/%020d.snap", folder, offset) }

// Write writes a checkpoint of st into the data directory dir and verifies it.
// It replaces a file of the same offset. The result is for [Register]; until
// then nothing uses the file. After an error the directory is as it was.
func Write(dir string, st *state.State, m Meta) (log.Checkpoint, error) {
	return write(osDisk{}, dir, st, m)
}

func write(d disk, dir string, st *state.State, m Meta) (c log.Checkpoint, err error) {
	name := FileName(m.Offset)
	path := filepath.Join(dir, filepath.FromSlash(name))
	tmp := path + ".tmp"
	defer func() {
		if err != nil {
			os.Remove(tmp)
			err = fmt.Errorf("checkpoint @%d: %w", m.Offset, err)
		}
	}()
	RemoveLeftovers(dir) // a process that was killed at this again and again must not fill the disk
	h := plan(st, m)
	size, err := writeFile(d, tmp, st, &h)
	if err != nil {
		return c, err
	}
	c = log.Checkpoint{Offset: m.Offset, Time: m.Time, File: name, Size: size, Keys: int(h.keys), Digest: h.digest}
	if err := verify(tmp, st, m.LogID, c); err != nil {
		return log.Checkpoint{}, err
	}
	if err := d.rename(tmp, path); err != nil {
		return log.Checkpoint{}, err
	}
	if err := d.syncDir(filepath.Dir(path)); err != nil {
		return log.Checkpoint{}, err
	}
	return c, nil
}

// RemoveLeftovers removes checkpoints that were being written when their process died.
// Only who has the lock of dir, or was started by its holder, may call it: a process
// that is still at work on another one then fails to rename its file, and no more.
func RemoveLeftovers(dir string) {
	names, _ := filepath.Glob(filepath.Join(dir, folder, "*.snap.tmp"))
	for _, name := range names {
		os.Remove(name) // what stays is only in the way of nobody
	}
}

// writeFile writes the file and fsyncs it.
func writeFile(d disk, path string, st *state.State, h *head) (size int64, err error) {
	f, err := d.create(path)
	if err != nil {
		return 0, err
	}
	w := &writer{f: f, seed: seedOf(h.id)}
	err = w.file(st, h)
	if err == nil {
		err = f.Sync()
	}
	return w.size, errors.Join(err, f.Close())
}

// writer writes a checkpoint file from front to end; the header at last.
type writer struct {
	f     file
	seed  uint32
	size  int64  // bytes written
	out   []byte // sealed blocks that are not written yet
	block []byte // the block being filled, after prefix bytes of room
	rec   []byte // scratch for one record
	chain chain
	err   error // the first failed write
}

// flushAt is how many bytes are handed to the file at once.
const flushAt = 1 << 20

func (w *writer) file(st *state.State, h *head) error {
	w.block = make([]byte, prefix, prefix+blockMax)
	front := append([]byte(magic), make([]byte, prefix)...)
	w.out = h.append(slices.Clone(front)) // a placeholder of the right size
	from := 0
	for i := range h.shards {
		s := &h.shards[i]
		if i == 0 || h.shards[i-1].db != s.db {
			from = 0
		}
		if err := w.shard(st, s, from); err != nil {
			return err
		}
		from += int(s.records)
	}
	front = h.append(front)
	headCRC := sealBlock(front[len(magic):], w.seed, 0)
	w.out = append(w.out, w.chain.footer(headCRC)...)
	w.flush()
	if w.err != nil {
		return w.err
	}
	_, err := w.f.WriteAt(front, 0)
	return err
}

// shard writes s.records keys of a database, from the one at index from on.
func (w *writer) shard(st *state.State, s *shard, from int) error {
	start := w.size + int64(len(w.out))
	n := uint64(0)
	st.Export(s.db, from, func(r state.Record) bool {
		w.rec = appendRecord(w.rec[:0], &r)
		w.add(w.rec)
		n++
		return n < s.records && w.err == nil
	})
	if w.err == nil && n != s.records {
		return fmt.Errorf("database %d gave %d keys from index %d on, not %d", s.db, n, from, s.records)
	}
	w.seal(0)
	s.bytes = uint64(w.size + int64(len(w.out)) - start)
	return w.err
}

// add puts a record into the current block, or into blocks of its own.
func (w *writer) add(rec []byte) {
	if len(w.block)+len(rec) > prefix+blockFull {
		w.seal(0)
	}
	for len(rec) > blockMax {
		w.block = append(w.block, rec[:blockMax]...)
		rec = rec[blockMax:]
		w.seal(goesOn)
		if len(rec) <= blockMax {
			w.block = append(w.block, rec...)
			w.seal(0)
			return
		}
	}
	w.block = append(w.block, rec...)
}

// seal ends the current block, if there is anything in it.
func (w *writer) seal(flag uint32) {
	if len(w.block) == prefix {
		return
	}
	w.chain.add(sealBlock(w.block, w.seed, flag))
	w.out = append(w.out, w.block...)
	w.block = w.block[:prefix]
	if len(w.out) >= flushAt {
		w.flush()
	}
}

func (w *writer) flush() {
	if w.err != nil {
		return
	}
	n, err := w.f.Write(w.out)
	if err == nil && n < len(w.out) {
		err = io.ErrShortWrite
	}
	w.size += int64(n)
	w.out, w.err = w.out[:0], err
}

// verify reads a file back and holds it against the state that it was made
// from: every record, in order, and nothing else.
func verify(path string, st *state.State, id log.ID, want log.Checkpoint) error {
	src, err := open(path, id, want)
	if err != nil {
		return err
	}
	defer src.close()
	in := records{src: src}
	from := 0
	for i, s := range src.head.shards {
		if i == 0 || src.head.shards[i-1].db != s.db {
			from = 0
		}
		n := uint64(0)
		st.Export(s.db, from, func(r state.Record) bool {
			var got state.Record
			if got, err = in.next(); err == nil && !sameRecord(&got, &r) {
				err = fmt.Errorf("reading back: key %q is not what was written", r.Key)
			}
			n++
			return err == nil && n < s.records
		})
		if err != nil {
			return err
		}
		from += int(s.records)
	}
	if _, err := in.next(); !errors.Is(err, io.EOF) {
		return errors.Join(errors.New("reading back: there is more than was written"), err)
	}
	return nil
}

func sameRecord(a, b *state.Record) bool {
	return bytes.Equal(a.Key, b.Key) && a.Type == b.Type && a.Encoding == b.Encoding && a.ExpireAt == b.ExpireAt &&
		bytes.Equal(a.Value, b.Value) && slices.EqualFunc(a.Items, b.Items, bytes.Equal)
}

// headLength reads the length before a header or block.
func headLength(p []byte) (n int, more bool) {
	v := binary.LittleEndian.Uint32(p)
	return int(v &^ goesOn), v&goesOn != 0
}
