package compaction

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/altilium-db/altilium/log"
)

// Built is the state at an offset and how it was come by.
type Built struct {
	Base           // State is at Offset; Checkpoint and Refused say what it began from
	LogID   log.ID // of the log
	Root    log.ID // its RootID
	At      uint64 // the offset: what was asked for, or the end of the log
	AtTime  int64  // µs since 1970 of the entry there; 0 for offset 0
	Entries uint64 // applied on top of the checkpoint
	Bytes   int64  // of log that were read for them

	Loading   time.Duration // what the checkpoint took
	Replaying time.Duration // what the entries took

	of *log.Manifest // the log's, as it was when the building began
}

// Owner is the id that a checkpoint of the state carries: see log.Manifest.IDAt.
func (b *Built) Owner() log.ID { return b.of.IDAt(b.At) }

// Build gives the state after entry at of the log in dir; [Latest] is the end.
// It takes no lock and works beside a running server. progress, which may be
// nil, is told of bytes of checkpoint and log.
//
// The error is log.ErrFuture after the end, log.ErrCompacted before [Reach],
// log.ErrDamaged (a *NoBase, a *log.Damage or an *Unapplicable) where the past
// cannot be read.
func Build(dir string, at uint64, progress func(done, total int64)) (*Built, error) {
	for tries := 0; ; tries++ {
		m, err := log.ReadManifest(dir)
		if err != nil {
			return nil, err
		}
		b, err := build(dir, m, at, progress)
		if err == nil || tries == 3 || !changed(dir, m) {
			return b, err
		}
		// Retention took something away while we read: begin anew.
	}
}

// changed reports whether the directory lost history since m was read.
func changed(dir string, m *log.Manifest) bool {
	now, err := log.ReadManifest(dir)
	return err == nil && (now.First != m.First || Reach(now) != Reach(m) || len(now.Checkpoints) < len(m.Checkpoints))
}

func build(dir string, m *log.Manifest, at uint64, progress func(done, total int64)) (*Built, error) {
	meter := NewMeter(dir, m, at, progress)
	began := time.Now()
	base, err := Newest(dir, m, at, meter.Checkpoint)
	if err != nil {
		return nil, err
	}
	loaded := time.Now()
	b := &Built{Base: *base, LogID: m.LogID, Root: m.RootID(), At: base.Offset(), AtTime: base.Time(), of: m}
	if err := b.advance(dir, at, meter); err != nil {
		return nil, err
	}
	b.Loading, b.Replaying = loaded.Sub(began), time.Since(loaded)
	meter.Finish()
	return b, nil
}

// Advance brings the state on to a later offset of the log in dir. After an error it is
// of no use any more: some of the entries may have been applied.
func (b *Built) Advance(dir string, to uint64) error {
	return b.advance(dir, to, &Meter{})
}

func (b *Built) advance(dir string, to uint64, meter *Meter) error {
	if b.At == to {
		return nil
	}
	a := NewApplier(b.State)
	err := b.read(dir, to, a, meter)
	if aerr := a.Close(); aerr != nil {
		err = aerr // what stopped the reading, where both failed
	}
	return err
}

// read feeds the entries after b.At up to at to the applier.
func (b *Built) read(dir string, at uint64, a *Applier, meter *Meter) error {
	r, err := log.OpenReader(dir, b.At+1)
	if errors.Is(err, log.ErrFuture) {
		return ahead(dir, b.At)
	}
	if err != nil {
		return err
	}
	defer r.Close()
	r.Reuse() // the applier copies
	for b.At < at {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := a.Add(e); err != nil {
			return err
		}
		b.At, b.AtTime = e.Offset, e.Time
		b.Entries++
		b.Bytes += int64(e.Size)
		meter.Log(b.Bytes)
	}
	if at != Latest && b.At < at {
		return fmt.Errorf("%w: @%d is after the last entry @%d", log.ErrFuture, at, b.At)
	}
	return nil
}

// pace is that of the building.
func (b *Built) pace(known Pace) Pace {
	size := int64(0)
	if b.Checkpoint != nil && len(b.Refused) == 0 {
		size = b.Checkpoint.Size
	}
	return known.Measured(size, b.Loading, b.Entries, b.Replaying)
}

// ahead is the damage of a log that ends before a registered checkpoint of it:
// the log was on the disk up to there when the checkpoint was registered.
func ahead(dir string, checkpoint uint64) error {
	return &log.Damage{Dir: dir, File: "wal", Byte: -1, Offset: checkpoint,
		What: fmt.Sprintf("the log ends before its checkpoint @%d: entries are lost", checkpoint)}
}

// Meter turns the two parts of a build, checkpoint and log, into one progress.
type Meter struct {
	f          func(done, total int64)
	m          *log.Manifest
	dir        string
	at         uint64
	checkpoint int64 // bytes of the checkpoint, estimated before it is chosen
	log        int64 // bytes of log after it
	told       int64
}

// meterStep is how many bytes lie between two calls of the callback.
const meterStep = 1 << 20

// NewMeter makes a meter for building the state at an offset. f may be nil.
func NewMeter(dir string, m *log.Manifest, at uint64, f func(done, total int64)) *Meter {
	p := &Meter{f: f, m: m, dir: dir, at: at}
	from := uint64(0)
	if c, ok := m.Newest(at); ok {
		p.checkpoint, from = c.Size, c.Offset
	}
	p.log = p.Expected(from)
	return p
}

// Expected is about how many bytes of log lie after an offset, up to the one
// that is built.
func (p *Meter) Expected(from uint64) int64 {
	var sum int64
	for _, s := range p.m.Sealed {
		if s.Last() > from && s.First <= p.at {
			sum += s.Size
		}
	}
	files, err := os.ReadDir(filepath.Join(p.dir, "wal"))
	if err != nil {
		return sum // the build will say so
	}
	for _, file := range files {
		first, err := strconv.ParseUint(file.Name(), 10, 64)
		info, ierr := file.Info()
		if err == nil && ierr == nil && first >= p.m.Active && first <= p.at {
			sum += info.Size()
		}
	}
	return sum
}

// Checkpoint says how far loading the checkpoint is.
func (p *Meter) Checkpoint(done, total int64) {
	if p.f != nil {
		p.checkpoint = total
		p.tell(done)
	}
}

// Log says how many bytes of log have been read.
func (p *Meter) Log(done int64) {
	if p.f != nil {
		p.log = max(p.log, done)
		p.tell(p.checkpoint + done)
	}
}

// Finish reports that all is done.
func (p *Meter) Finish() {
	if p.f != nil {
		p.f(p.checkpoint+p.log, p.checkpoint+p.log)
	}
}

func (p *Meter) tell(done int64) {
	if done-p.told >= meterStep || done < p.told {
		p.told = done
		p.f(done, p.checkpoint+p.log)
	}
}
