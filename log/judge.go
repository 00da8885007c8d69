package log

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// judge decides about the first bad frame in segment i, which is not sealed:
// damage is returned as an error, a torn tail is cut. See the package comment.
func (d *Dir) judge(chain []uint64, i int, bad *badFrame, rep *Report) error {
	name := "wal/" + segmentName(chain[i])
	later, why, err := d.evidence(chain[i:], bad)
	if err != nil {
		return err
	}
	if why != "" {
		return d.damage(name, bad.pos, bad.offset, bad.what+"; "+why)
	}
	what := bad.what
	if later > 0 {
		what += fmt.Sprintf("; entries after it (offset %d) were never known durable", later)
	}
	cut := &Cut{File: name, Byte: bad.pos, Offset: bad.offset, What: what}
	for k, first := range chain[i:] {
		from := int64(0)
		if k == 0 {
			from = bad.pos
		}
		if err := d.quarantine(first, from, k > 0, cut); err != nil {
			return explain(d.Path, err)
		}
	}
	rep.Cut = cut
	d.o.Logger.Warn().Msg(cut.String())
	return nil
}

// evidence looks for a valid entry after the bad frame (later is its offset)
// and for a proof that what is bad was once whole (why is not empty).
func (d *Dir) evidence(segments []uint64, bad *badFrame) (later uint64, why string, err error) {
	if c := d.Manifest.Clean; c != nil && c.Last >= bad.offset {
		return 0, fmt.Sprintf("the server stopped in order at offset %d", c.Last), nil
	}
	for _, c := range d.Manifest.Checkpoints {
		if c.Offset >= bad.offset { // the log was synced that far before it was registered
			return 0, fmt.Sprintf("the checkpoint @%d was registered when it was already on the disk", c.Offset), nil
		}
	}
	for k, first := range segments {
		from := int64(0)
		if k == 0 {
			from = bad.pos + 1
		}
		offset, why, err := d.evidenceIn(first, from, bad.offset)
		later = max(later, offset)
		if why != "" || err != nil {
			return later, why, err
		}
	}
	return later, "", nil
}

// evidenceIn looks in one segment, from a byte on, for whole entries after the
// offset of the bad frame.
func (d *Dir) evidenceIn(first uint64, from int64, bad uint64) (later uint64, why string, err error) {
	f, err := os.Open(segmentPath(d.Path, first))
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, "", err
	}
	s := searcher{f: f, size: info.Size(), seed: d.Manifest.seedAt(first), base: base{first: first}}
	for {
		e, ok, err := s.next(from, bad)
		if !ok || err != nil {
			return later, "", err
		}
		later, from = e.Offset, e.Pos+int64(e.Size)
		if e.Synced >= bad {
			return later, fmt.Sprintf("offset %d was written when it was already on the disk", e.Offset), nil
		}
		if d.o.Boot != "" && d.o.Boot == d.Manifest.Boot {
			return later, fmt.Sprintf("offset %d after it is whole, and the machine has not lost power since", e.Offset), nil
		}
	}
}

// quarantine copies a segment's bytes from byte from on into quarantine/ and
// takes them off; whole removes the file.
func (d *Dir) quarantine(first uint64, from int64, whole bool, cut *Cut) error {
	path := segmentPath(d.Path, first)
	name := fmt.Sprintf("quarantine/%s.%d.%d", segmentName(first), from, d.o.Now().UnixNano())
	n, err := copyTail(path, from, filepath.Join(d.Path, name))
	if err != nil {
		return fmt.Errorf("the torn tail of %s could not be kept aside: %w", segmentName(first), err)
	}
	if n > 0 {
		cut.Quarantine = append(cut.Quarantine, name)
		cut.Bytes += n
	}
	if whole {
		if err := os.Remove(path); err != nil {
			return err
		}
		return SyncDir(filepath.Dir(path))
	}
	if err := unshare(path); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(from), f.Sync(), f.Close())
}

// copyTail copies the bytes of a file from byte from on into a new one, durably.
// Where there are none it makes no file.
func copyTail(path string, from int64, to string) (int64, error) {
	in, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil || info.Size() <= from {
		return 0, err
	}
	return writeNew(to, io.NewSectionReader(in, from, info.Size()-from))
}

// writeNew makes a new file of what r holds, durably. Where that fails it leaves
// none: on a full disk each start would leave another piece.
func writeNew(path string, r io.Reader) (int64, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(f, r)
	if err = errors.Join(err, f.Sync(), f.Close(), SyncDir(filepath.Dir(path))); err != nil {
		return 0, errors.Join(err, os.Remove(path))
	}
	return n, nil
}
