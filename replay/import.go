package replay

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/altilium-db/altilium/compaction"
	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
)

// ImportError is what is wrong with an export that can be read.
type ImportError struct {
	Path  string
	Line  int // from 1; one after the last where lines are missing
	What  string
	Newer bool // only: its format is newer than this program
}

// Error says where, what, and the way out.
func (e *ImportError) Error() string {
	if e.Newer {
		return fmt.Sprintf("%s: line %d: %s. Nothing was made; import it with the program that wrote it, or a newer one", e.Path, e.Line, e.What)
	}
	return fmt.Sprintf("%s: line %d: %s. Nothing was made; export the data again", e.Path, e.Line, e.What)
}

// Is makes errors.Is(err, log.ErrDamaged) true, or log.ErrNewerFormat.
func (e *ImportError) Is(target error) bool {
	if e.Newer {
		return target == log.ErrNewerFormat
	}
	return target == log.ErrDamaged
}

// IsExport reports whether a file begins as an export does, of whatever version.
func IsExport(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	begin := []byte(`{"altilium_export":`)
	got := make([]byte, len(begin))
	n, err := io.ReadFull(f, got)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, err
	}
	return bytes.Equal(got[:n], begin), nil
}

// Import makes out, a new data directory, of an export: its log begins after the point
// that was exported, and has the log there as its parent, as if it were restored from it.
// Whatever is wrong with the file is an *ImportError, and nothing is made. progress, which
// may be nil, is told of bytes of the file.
func Import(path, out string, progress func(done, total int64)) (*Restored, error) {
	place, err := log.NewPlace(path, out)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	im := &importing{path: path, in: bufio.NewReaderSize(f, 1<<20), progress: progress}
	if info, err := f.Stat(); err == nil {
		im.total = info.Size()
	}
	if err := im.read(); err != nil {
		return nil, err
	}
	h := &im.head
	src := &At{Resolved: Resolved{Offset: h.Offset, Time: h.Time}, Built: &compaction.Built{
		Base: compaction.Base{State: im.st}, LogID: h.Log, Root: h.Root, At: h.Offset, AtTime: h.Time,
	}}
	r := &Restored{Resolved: src.Resolved, Out: out, Keys: im.st.TotalKeys(), Digest: im.st.Digest(), Parent: log.Parent{LogID: h.Log, Offset: h.Offset}}
	if err := place.Make(func() error { return r.fill(place.Partial, src, func(step) error { return nil }) }); err != nil {
		return nil, err
	}
	return r, nil
}

// importing reads one export.
type importing struct {
	path        string
	in          *bufio.Reader
	progress    func(done, total int64)
	done, total int64
	line        int

	head exportHead
	st   *state.State
}

func (im *importing) refuse(format string, args ...any) error {
	return &ImportError{Path: im.path, Line: im.line, What: fmt.Sprintf(format, args...)}
}

// read reads all of it into a state.
func (im *importing) read() error {
	if err := im.readHead(); err != nil {
		return err
	}
	im.st = state.New(compaction.Seed(im.head.Root))
	for n := 0; ; n++ {
		line, err := im.next()
		if errors.Is(err, io.EOF) {
			if im.line++; n != im.head.Keys {
				return im.refuse("the file ends after %d of %d keys", n, im.head.Keys)
			}
			return im.sameDigest()
		}
		if err != nil {
			return err
		}
		if n == im.head.Keys {
			return im.refuse("there are more than the %d keys of the first line", n)
		}
		if err := im.key(line); err != nil {
			return err
		}
	}
}

// next is the next line without its end.
func (im *importing) next() ([]byte, error) {
	line, err := im.in.ReadBytes('\n')
	if errors.Is(err, io.EOF) && len(line) > 0 {
		im.line++
		return nil, im.refuse("the line is cut short")
	}
	if err != nil {
		return nil, err
	}
	im.line++
	if im.done += int64(len(line)); im.progress != nil {
		im.progress(im.done, im.total)
	}
	return line[:len(line)-1], nil
}

func (im *importing) readHead() error {
	line, err := im.next()
	if errors.Is(err, io.EOF) {
		im.line = 1
		return im.refuse("the file is empty")
	}
	if err != nil {
		return err
	}
	var version struct {
		N *int `json:"altilium_export"`
	}
	if err := json.Unmarshal(line, &version); err != nil || version.N == nil {
		return im.refuse("this is no export of Altilium")
	}
	if *version.N > exportVersion {
		return &ImportError{Path: im.path, Line: 1, Newer: true, What: fmt.Sprintf("the export has format %d, this program knows up to %d", *version.N, exportVersion)}
	}
	if err := readSummed(line, &im.head); err != nil {
		return im.refuse("%v", err)
	}
	return nil
}

// key takes in one line.
func (im *importing) key(line []byte) error {
	var k exportKey
	if err := readSummed(line, &k); err != nil {
		return im.refuse("%v", err)
	}
	if k.DB < 0 || k.DB >= state.Databases {
		return im.refuse("there is no database %d", k.DB)
	}
	r, err := k.record()
	if err == nil {
		err = im.st.Import(k.DB, r)
	}
	var memory *state.OutOfMemory
	if errors.As(err, &memory) {
		return err
	}
	if err != nil {
		return im.refuse("%v", err)
	}
	return nil
}

// sameDigest compares the state with the one that was exported.
func (im *importing) sameDigest() error {
	if got := fmt.Sprintf("%016x", im.st.Digest()); im.head.Digest != "" && got != im.head.Digest {
		return im.refuse("the keys have the digest %s, the first line says %s", got, im.head.Digest)
	}
	return nil
}
