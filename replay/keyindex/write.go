package keyindex

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/altilium-db/altilium/log"
)

// temporary is the pattern of the names that files have while they are written.
const temporary = ".*.tmp"

// write makes the file of segment s, whose table t is: a whole one, or none. The folder
// must be there.
func write(dir string, id log.ID, s log.Segment, t *table) (err error) {
	h, err := fileHead(t, s)
	if err != nil {
		return err
	}
	path := log.IndexPath(dir, s.First)
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+temporary) // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	w := bufio.NewWriterSize(f, 64<<10)
	front := make([]byte, blocksAt)
	copy(front, h.encode(id))
	_, err = w.Write(front)
	if err == nil {
		err = h.writeBlocks(w, t.keys.all(), 0)
	}
	if err == nil {
		err = h.writeBlocks(w, t.whole.all(), blocks(h.records))
	}
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return log.SyncDir(filepath.Dir(path))
}

// writeBlocks writes records in order, the first of them in the block of a number.
func (h *head) writeBlocks(w io.Writer, records []record, number uint64) error {
	var block [blockBytes]byte
	for ; len(records) > 0; number++ {
		n := min(len(records), perBlock)
		clear(block[:])
		for i, v := range records[:n] {
			binary.LittleEndian.PutUint64(block[8*i:], uint64(v))
		}
		h.sealBlock(block[:], number)
		if _, err := w.Write(block[:]); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}
