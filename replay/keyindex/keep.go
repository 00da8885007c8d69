package keyindex

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/altilium-db/altilium/log"
)

// Keep makes the files of a log's segments ahead of time, beside a server: whoever has the
// directory's lock, or was told to by its holder, calls [Keep.Do] now and then. It serves
// one goroutine at a time.
type Keep struct {
	dir   string
	idAt  func(offset uint64) log.ID // whose a segment is, see log.Manifest.IDAt
	h     Hasher
	good  map[uint64]bool // first offsets of segments whose files are there
	swept bool
}

// NewKeep makes the one of the log in dir; idAt is the manifest's.
func NewKeep(dir string, idAt func(offset uint64) log.ID, h Hasher) *Keep {
	return &Keep{dir: dir, idAt: idAt, h: h, good: map[uint64]bool{}}
}

// Do makes the files of the sealed segments that have none, the newest first since those
// are asked for most, and removes files of segments that are gone. stop, asked before
// each, ends it early. It returns how many it made, and what it could not do: the files
// are a convenience, so that is to be reported and no more. A call that finds nothing to
// do looks into a map.
func (k *Keep) Do(sealed []log.Segment, stop func() bool) (made int, err error) {
	var errs []error
	if !k.swept {
		k.swept = true
		errs = append(errs, k.sweep(sealed))
	}
	for i := len(sealed) - 1; i >= 0 && !stop(); i-- {
		s := sealed[i]
		if k.good[s.First] {
			continue
		}
		k.good[s.First] = true // it is not tried again and again where it fails
		did, err := k.segment(s)
		if did {
			made++
		}
		if err != nil && !errors.Is(err, log.ErrCompacted) {
			errs = append(errs, err)
		}
	}
	if len(sealed) > 0 {
		for first := range k.good {
			if first < sealed[0].First {
				delete(k.good, first)
				os.Remove(log.IndexPath(k.dir, first)) // retention may have been there between our look and our write
			}
		}
	}
	return made, errors.Join(errs...)
}

// segment makes the file of one segment, if there is no good one.
func (k *Keep) segment(s log.Segment) (made bool, err error) {
	f, err := openFile(k.dir, k.idAt(s.First), s)
	if err == nil {
		return false, f.Close()
	}
	t, err := read(k.dir, k.idAt(s.First), s, k.h)
	if err != nil {
		return false, err
	}
	return true, write(k.dir, k.idAt(s.First), s, t)
}

// sweep removes files that were being written when their process died, and those of
// segments that are gone. Another process that is at one of the former fails to rename it,
// and does without.
func (k *Keep) sweep(sealed []log.Segment) error {
	folder := filepath.Dir(log.IndexPath(k.dir, 1))
	files, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	there := map[uint64]bool{}
	for _, s := range sealed {
		there[s.First] = true
	}
	for _, f := range files {
		number, rest, _ := strings.Cut(f.Name(), ".")
		first, nerr := strconv.ParseUint(number, 10, 64)
		ours := nerr == nil && strings.HasPrefix(f.Name(), filepath.Base(log.IndexPath(k.dir, first)))
		if ours && (rest != "idx" || !there[first]) {
			err = errors.Join(err, os.Remove(filepath.Join(folder, f.Name())))
		}
	}
	return err
}
