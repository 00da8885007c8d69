package log

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"
)

// Policy says when an acknowledged write is on the disk.
type Policy uint8

// The policies. In all of them an entry is written to the operating system
// before its reply leaves, so a killed process loses nothing.
const (
	EverySec Policy = iota // fsync in the background each second: power loss costs at most 1.5 s
	Always                 // fsync before the reply, once for a whole turn
	No                     // fsync when the operating system feels like it
)

// String gives the policy's name in settings.
func (p Policy) String() string {
	switch p {
	case Always:
		return "always"
	case No:
		return "no"
	}
	return "everysec"
}

// ParsePolicy reads a policy's name.
func ParsePolicy(s string) (Policy, error) {
	for _, p := range []Policy{EverySec, Always, No} {
		if s == p.String() {
			return p, nil
		}
	}
	return EverySec, fmt.Errorf("%q is no fsync policy: always, everysec or no", s)
}

// DefaultSegmentSize is where a segment ends, in bytes.
const DefaultSegmentSize = 16 << 20

// Options are a log's settings. The zero value is valid.
type Options struct {
	Policy      Policy
	SegmentSize int64          // bytes; default DefaultSegmentSize
	Logger      zerolog.Logger // zero: silent
	// Fatal is called, by any goroutine, when an fsync has failed: the process
	// must stop, without Close. It must not call into the log. Default: panic.
	Fatal func(error)
	// Moved is called, by any goroutine, when the directory has been moved, removed or
	// replaced: within a second of it. Nothing is written any more, since what has
	// its name now may be somebody else's. Default: nobody is told.
	Moved func(error)
	// Progress is told by Scan, about once for each MiB, of the bytes read so far
	// and to be read. It runs in the goroutine that scans. Default: nobody is told.
	Progress func(done, total int64)
	Now      func() time.Time // for names in quarantine. Default: time.Now
	Boot     string           // overrides the machine's boot id, for tests
	Faults   *Faults          // for tests
}

// Faults make a log fail on purpose. For tests only: each function is called
// before the system call that it stands for, and what it returns happens.
type Faults struct {
	// Write is given the last entry of a turn. With an error the turn's write
	// fails, after that many bytes of the entry (its length included) have
	// reached the file. Heal asks it with nil whether there is room again.
	Write    func(p []byte) (short int, err error)
	Sync     func() error // of the segments; may also take its time
	SyncDir  func() error // of wal/, after a new segment has begun
	Manifest func() error // the manifest is about to be replaced
	Lossy    func() bool  // true: this turn's write is acknowledged and never done
}

func (o *Options) defaults() {
	if o.SegmentSize <= 0 {
		o.SegmentSize = DefaultSegmentSize
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Boot == "" {
		o.Boot = bootID()
	}
	if o.Fatal == nil {
		o.Fatal = func(err error) { panic("log: " + err.Error()) }
	}
}

// Dir is a locked data directory on its way to an open log: Scan, then
// OpenAppend.
type Dir struct {
	Path     string
	Manifest *Manifest

	o    Options
	lock *Lock

	meter *meter // of the scan

	// What Scan found.
	scanned  bool
	active   segmentState   // the segment that appending goes on in
	unsealed []segmentState // whole segments before it that the manifest does not know as sealed
}

// segmentState is what a scan knows of a segment.
type segmentState struct {
	first uint64
	count uint64
	size  int64
	crc   uint32 // of its last frame
	base  base
	last  int64 // µs of its last entry
}

func (s segmentState) sealed() Segment {
	return Segment{First: s.first, Count: s.count, Size: s.size, LastCRC: s.crc, LastTime: s.last}
}

// OpenDir takes the lock of a data directory and reads its manifest: steps 1
// and 2 of the start.
func OpenDir(path string, o Options) (*Dir, error) {
	o.defaults()
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s: `altilium serve --dir %s` makes one", ErrNoLog, path, quoted(path))
	}
	lock, err := Acquire(path)
	if err != nil {
		return nil, err
	}
	m, err := ReadManifest(path)
	if err != nil {
		lock.Release()
		return nil, err
	}
	// A copy may lack the empty ones: backup tools tend to leave those out.
	if err := makeFolders(path, "checkpoints", "index", "quarantine", "recordings"); err != nil {
		lock.Release()
		return nil, explain(path, err)
	}
	d := &Dir{Path: path, Manifest: m, o: o, lock: lock}
	for _, name := range []string{manifestName, copyName} {
		os.Remove(filepath.Join(path, name+".tmp"))
	}
	return d, nil
}

// makeFolders makes those folders in dir that are not there, and their names durable.
func makeFolders(dir string, names ...string) error {
	made := false
	for _, name := range names {
		err := os.Mkdir(filepath.Join(dir, name), 0o700)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		made = made || err == nil
	}
	if !made {
		return nil
	}
	return SyncDir(dir)
}

// Close gives the lock back. After OpenAppend the log has it.
func (d *Dir) Close() error {
	if d.lock == nil {
		return nil
	}
	lock := d.lock
	d.lock = nil
	return lock.Release()
}

// Report says what a Scan found and did.
type Report struct {
	Entries uint64 // handed out
	Last    uint64 // last offset of the log
	Bytes   int64  // read
	Cut     *Cut   // nil: the log ended cleanly
}

// Cut is a torn tail that was taken off.
type Cut struct {
	File       string // segment, path from the data directory
	Byte       int64
	Offset     uint64 // the first that is gone; the log ends before it
	Bytes      int64
	Quarantine []string // where the bytes are kept, paths from the data directory
	What       string
}

// String is a line for the log file.
func (c *Cut) String() string {
	return fmt.Sprintf("torn tail: %s from byte %d on (offset %d: %s): %d bytes moved to %v",
		c.File, c.Byte, c.Offset, c.What, c.Bytes, c.Quarantine)
}

// UpdateManifest changes the manifest of a directory that is locked but not
// open for appending: wholly, or not at all. After Close, and after OpenAppend,
// it returns ErrClosed.
func (d *Dir) UpdateManifest(change func(*Manifest) error) error {
	if d.lock == nil {
		return ErrClosed
	}
	next := d.Manifest.clone()
	if err := change(next); err != nil {
		return err
	}
	if err := next.write(d.Path); err != nil {
		return err
	}
	d.Manifest = next
	return nil
}
