package log

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"unsafe"

	"github.com/tidwall/wal"
)

// library is an instance of tidwall/wal: the newest segment, to be appended to.
//
// It keeps every byte that it writes, for reads that nobody asks it for, in a buffer that
// it grows by copying: a sixth of the time that a SET took, and five bytes of garbage for
// each one written. There is no setting against that, so after each write its buffer is
// emptied from here. Where a later version has no such fields nothing is done, and a test
// tells.
type library struct {
	*wal.Log
	kept []reflect.Value // the slices: entries' bytes, their positions
}

// beyondReach is a segment size at which the library never rolls.
const beyondReach = math.MaxInt

// openLibrary has the library open the newest segment, which must end as st says.
func (l *Log) openLibrary(st segmentState) (library, error) {
	w, err := wal.Open(filepath.Join(l.dir, "wal"), &wal.Options{
		NoSync: true, SegmentSize: beyondReach, AllowEmpty: true, DirPerms: 0o700, FilePerms: 0o600,
	})
	if err != nil {
		return library{}, err
	}
	want := st.first + st.count - 1
	if last, err := w.LastIndex(); err != nil || last != want {
		return library{}, errors.Join(fmt.Errorf("the segment %d ends at %d, not at %d", st.first, last, want), err, w.Close())
	}
	lib := library{Log: w, kept: keptBy(w)}
	lib.forget()
	return lib, nil
}

// keptBy finds what the library keeps of its newest segment.
func keptBy(w *wal.Log) (kept []reflect.Value) {
	segments := reflect.ValueOf(w).Elem().FieldByName("segments")
	if !segments.IsValid() || segments.Kind() != reflect.Slice || segments.Len() == 0 {
		return nil
	}
	newest := reflect.Indirect(segments.Index(segments.Len() - 1))
	for _, name := range []string{"ebuf", "epos"} {
		f := newest.FieldByName(name)
		if !f.IsValid() || f.Kind() != reflect.Slice {
			return nil
		}
		kept = append(kept, reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem())
	}
	return kept
}

// forget empties what the library keeps. What it goes by, its last index and the file's
// position, is elsewhere.
func (lib library) forget() {
	for _, slice := range lib.kept {
		if slice.Cap()*int(slice.Type().Elem().Size()) > keepBuffer {
			slice.SetZero()
		} else {
			slice.SetLen(0)
		}
	}
}
