package log

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
)

// FormatVersion is the newest version of the data directory that this package reads.
// It writes the oldest that can say what there is: a directory that was not forked
// is the same as ever, and older programs go on with it.
//
//	1  a log of its own
//	2  a fork: the MANIFEST has ancestors
const FormatVersion = 2

// formatOf is the version that a directory with these ancestors has.
func formatOf(ancestors []Ancestor) int {
	if len(ancestors) > 0 {
		return 2
	}
	return 1
}

// ID names a log. It is drawn when a directory is made and seeds every CRC.
type ID [16]byte

// String is the id in hexadecimal.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText writes the id in hexadecimal.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads it.
func (id *ID) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	if err != nil || len(raw) != len(id) {
		return fmt.Errorf("%q is no log id", text)
	}
	copy(id[:], raw)
	return nil
}

// Manifest is what a directory knows of itself. On disk it is one JSON object,
// readable and in a fixed order, and a last line with its CRC-32C:
//
//	{ … }
//	crc32c 01234567
type Manifest struct {
	Format      int               `json:"format"`
	LogID       ID                `json:"log_id"`
	Parent      *Parent           `json:"parent,omitempty"`    // the log that this one was restored or forked from
	Root        *ID               `json:"root,omitempty"`      // what all that descend from one log share, see RootID
	Ancestors   []Ancestor        `json:"ancestors,omitempty"` // of a fork: whose its first entries are, see IDAt
	First       uint64            `json:"first"`               // first offset that the log still holds
	Active      uint64            `json:"active"`              // first offset of the segment after the sealed ones
	Sealed      []Segment         `json:"sealed"`
	Checkpoints []Checkpoint      `json:"checkpoints"`
	Tags        map[string]uint64 `json:"tags"`
	Clean       *CleanStop        `json:"clean_stop,omitempty"` // there only while no server runs
	Boot        string            `json:"boot,omitempty"`       // the machine's boot that the last server ran in
}

// RootID is shared by a log and all that are restored from it: their states have
// their keys in the same order. It is a random number that nobody is shown, other
// than the log's id: who knew it could make up keys that collide. In a directory
// that has none it is the log's id.
func (m *Manifest) RootID() ID {
	if m.Root != nil {
		return *m.Root
	}
	return m.LogID
}

// chooseRoot makes m the first of its family.
func (m *Manifest) chooseRoot() error {
	m.Root = new(ID)
	_, err := rand.Read(m.Root[:])
	return err
}

// Ancestor is a log that a fork has entries and checkpoints of: those up to UpTo that
// are not an earlier ancestor's. They come in order of UpTo, and no segment has
// entries on both sides of one.
type Ancestor struct {
	LogID ID     `json:"log_id"`
	UpTo  uint64 `json:"up_to"`
}

// IDAt is the id of the log that wrote an offset: it seeds the CRC of the entry, and
// a checkpoint of the state there carries it. It is the log's own id but for
// what a fork has of its ancestors.
func (m *Manifest) IDAt(offset uint64) ID {
	for _, a := range m.Ancestors {
		if offset <= a.UpTo {
			return a.LogID
		}
	}
	return m.LogID
}

// seedAt is what the CRCs of a segment's entries start from.
func (m *Manifest) seedAt(first uint64) uint32 { return seedOf(m.IDAt(first)) }

// lineage is whose the offsets up to one are: what a fork there has as its ancestors.
func (m *Manifest) lineage(upTo uint64) []Ancestor {
	var line []Ancestor
	for _, a := range m.Ancestors {
		if a.UpTo >= upTo {
			break
		}
		line = append(line, a)
	}
	return append(line, Ancestor{LogID: m.IDAt(upTo), UpTo: upTo})
}

// endAncestors makes what comes after an offset the log's own, where an ancestor went on.
func (m *Manifest) endAncestors(upTo uint64) {
	if n := len(m.Ancestors); n > 0 && m.Ancestors[n-1].UpTo > upTo {
		m.Ancestors = m.lineage(upTo)
	}
}

// Parent says where a restored or forked directory came from.
type Parent struct {
	LogID  ID     `json:"log_id"`
	Offset uint64 `json:"offset"`
}

// Segment is a sealed segment: it is on the disk and never changes.
type Segment struct {
	First    uint64 `json:"first"`
	Count    uint64 `json:"count"`
	Size     int64  `json:"size"`
	LastCRC  uint32 `json:"last_crc"`
	LastTime int64  `json:"last_time"` // µs since 1970
}

// Last is the offset of its last entry.
func (s Segment) Last() uint64 { return s.First + s.Count - 1 }

// Later is the number of the first sealed segment with an entry after a moment, in µs since 1970;
// len(Sealed) for none.
func (m *Manifest) Later(micros int64) int {
	return sort.Search(len(m.Sealed), func(i int) bool { return m.Sealed[i].LastTime > micros })
}

// Checkpoint is a state at an offset, in a file of checkpoints/.
type Checkpoint struct {
	Offset uint64 `json:"offset"`
	Time   int64  `json:"time"` // µs since 1970, of the entry at Offset
	File   string `json:"file"` // path from the data directory
	Size   int64  `json:"size"`
	Keys   int    `json:"keys"`
	Digest uint64 `json:"digest"` // of the state
}

// CleanStop is left by a server that stopped in order: what was last.
type CleanStop struct {
	Last uint64 `json:"last"`
	CRC  uint32 `json:"crc"` // of the entry at Last; 0 for an empty log
}

// The file, and a second one like it for the day that the first is damaged: see write.
const (
	manifestName = "MANIFEST"
	copyName     = "MANIFEST.copy"
)

// encode gives the bytes on disk.
func (m *Manifest) encode() ([]byte, error) {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	text = append(text, '\n')
	return fmt.Appendf(text, "crc32c %08x\n", crc32.Checksum(text, castagnoli)), nil
}

// decodeManifest reads them back.
func decodeManifest(raw []byte) (*Manifest, error) {
	const tail = len("crc32c 01234567\n")
	if len(raw) < tail {
		return nil, errors.New("it is cut short")
	}
	text, line := raw[:len(raw)-tail], string(raw[len(raw)-tail:])
	if line != fmt.Sprintf("crc32c %08x\n", crc32.Checksum(text, castagnoli)) {
		return nil, errors.New("its CRC is wrong")
	}
	var version struct{ Format int }
	if err := json.Unmarshal(text, &version); err != nil {
		return nil, err
	}
	if version.Format > FormatVersion {
		return nil, fmt.Errorf("%w: format %d, this program reads %d; use a newer altilium", ErrNewerFormat, version.Format, FormatVersion)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	m := new(Manifest)
	if err := dec.Decode(m); err != nil {
		return nil, err
	}
	return m, nil
}

// ReadManifest reads the manifest of dir without taking its lock. A running
// server replaces the file as a whole, so what is read is whole.
func ReadManifest(dir string) (*Manifest, error) {
	raw, err := readManifestFile(dir)
	if err != nil {
		return nil, err
	}
	return explainedManifest(dir, raw)
}

// readManifestFile is the bytes of the manifest of dir.
func readManifestFile(dir string) ([]byte, error) {
	raw, err := os.ReadFile(filepath.Join(dir, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, noManifest(dir)
	}
	if err != nil {
		return nil, explain(dir, err)
	}
	return raw, nil
}

// explainedManifest decodes the bytes of the manifest of dir, and says what is wrong where.
func explainedManifest(dir string, raw []byte) (*Manifest, error) {
	m, err := decodeManifest(raw)
	if errors.Is(err, ErrNewerFormat) {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if err != nil {
		return nil, &Damage{Dir: dir, File: manifestName, Byte: -1, What: err.Error(), Hint: manifestHint(dir)}
	}
	return m, nil
}

// ManifestReader reads the manifest of one directory over and over; one that has not changed
// is not decoded again. Any goroutine may use it.
type ManifestReader struct {
	Dir string

	mu  sync.Mutex
	raw []byte
	m   *Manifest
}

// Read is ReadManifest of Dir. What it gives is others' too: nobody may change it.
func (r *ManifestReader) Read() (*Manifest, error) {
	raw, err := readManifestFile(r.Dir)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.m != nil && bytes.Equal(raw, r.raw) {
		return r.m, nil
	}
	m, err := explainedManifest(r.Dir, raw)
	if err != nil {
		return nil, err
	}
	r.raw, r.m = raw, m
	return m, nil
}

// noManifest tells a lost manifest from a directory that never had one: also one
// whose Create was interrupted, which has a segment and no byte of anything.
func noManifest(dir string) error {
	segments, _ := listSegments(dir)
	others := wantEmpty(dir)
	if len(segments) == 0 && errors.Is(others, ErrExists) {
		return fmt.Errorf("%w in %s, which holds other things; choose another --dir", ErrNoLog, dir)
	}
	if len(segments) == 0 || others == nil {
		return fmt.Errorf("%w in %s: `altilium serve --dir %s` makes one", ErrNoLog, dir, quoted(dir))
	}
	return &Damage{Dir: dir, File: manifestName, Byte: -1,
		What: fmt.Sprintf("it is missing, but wal/ holds %d segments", len(segments)), Hint: manifestHint(dir)}
}

// manifestHint is the way out of a lost manifest.
func manifestHint(dir string) string {
	return fmt.Sprintf("`altilium check --dir %s --repair --out NEW` saves all that is good into NEW, with the help of %s or of the entries", quoted(dir), copyName)
}

// write replaces the manifest of dir: wholly, or not at all. The copy is written first.
// So it is never older than the manifest, and at most ahead by a change that a crash
// kept from being made; all that such a change speaks of is on the disk already.
func (m *Manifest) write(dir string) error {
	raw, err := m.encode()
	if err != nil {
		return err
	}
	if err := ReplaceFile(filepath.Join(dir, copyName), raw); err != nil {
		return err
	}
	return ReplaceFile(filepath.Join(dir, manifestName), raw)
}

// readCopy is the copy of the manifest of dir.
func readCopy(dir string) (*Manifest, error) {
	raw, err := os.ReadFile(filepath.Join(dir, copyName))
	if err != nil {
		return nil, err
	}
	return decodeManifest(raw)
}

// fits reports whether the segments that m begins and ends with are there: a program that
// does not know of the copy may have gone on without it.
func (m *Manifest) fits(dir string) bool {
	segments, err := listSegments(dir)
	return err == nil && slices.Contains(segments, m.First) && slices.Contains(segments, m.Active)
}

// ReplaceFile writes a file so that after a crash there is the old one or the
// new one: temporary name, fsync, rename, fsync of the directory.
func ReplaceFile(path string, data []byte) error {
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(tmp)
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// Newest is the newest checkpoint at or before an offset.
func (m *Manifest) Newest(at uint64) (Checkpoint, bool) {
	best, ok := Checkpoint{}, false
	for _, c := range m.Checkpoints {
		if c.Offset <= at && (!ok || c.Offset > best.Offset) {
			best, ok = c, true
		}
	}
	return best, ok
}

// AddCheckpoint records a checkpoint, replacing one of the same offset.
func (m *Manifest) AddCheckpoint(c Checkpoint) {
	m.Checkpoints = slices.DeleteFunc(m.Checkpoints, func(o Checkpoint) bool { return o.Offset == c.Offset })
	m.Checkpoints = append(m.Checkpoints, c)
	slices.SortFunc(m.Checkpoints, func(a, b Checkpoint) int {
		if a.Offset < b.Offset {
			return -1
		}
		return 1
	})
}

// CreateOptions say how a new directory begins. The zero value is right for an
// empty database.
type CreateOptions struct {
	First  uint64  // first offset; default 1
	Parent *Parent // where the data before First came from
	Root   *ID     // the parent's RootID; a new one where it is nil
	LogID  *ID     // nil: a random one, as it should be; golden directories are made with a fixed one
}

// Create makes dir a new data directory with an empty log. dir may exist but
// must be empty; the error is ErrExists otherwise.
func Create(dir string, o CreateOptions) (*Manifest, error) {
	if o.First == 0 {
		o.First = 1
	}
	m := &Manifest{Format: formatOf(nil), Parent: o.Parent, Root: o.Root, First: o.First, Active: o.First,
		Sealed: []Segment{}, Checkpoints: []Checkpoint{}, Tags: map[string]uint64{}}
	if o.LogID != nil {
		m.LogID = *o.LogID
	} else if _, err := rand.Read(m.LogID[:]); err != nil {
		return nil, err
	}
	if m.Root == nil {
		if err := m.chooseRoot(); err != nil {
			return nil, err
		}
	}
	return m, explain(dir, create(dir, m))
}

// create lays out a directory for m. The manifest comes last: a directory that
// has one is complete, and its name durable.
func create(dir string, m *Manifest) error {
	return createWith(dir, m, func() error { return nil })
}

// createWith is create of a directory that has more in it from the beginning: fill puts
// it into the folders, durably, and says so in m.
func createWith(dir string, m *Manifest, fill func() error) error {
	made, err := makeAll(dir)
	if err != nil {
		return err
	}
	if err := wantEmpty(dir); err != nil { // before anything of somebody else's is touched
		return err
	}
	lock, err := Acquire(dir)
	if err != nil {
		return err
	}
	defer lock.Release()
	if err := wantEmpty(dir); err != nil { // of two that create the same directory one finds it made
		return err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return err
	}
	if err := makeFolders(dir, "wal", "checkpoints", "index", "quarantine", "recordings"); err != nil {
		return err
	}
	f, err := os.OpenFile(segmentPath(dir, m.Active), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close(), SyncDir(filepath.Join(dir, "wal"))); err != nil {
		return err
	}
	if err := syncNames(made); err != nil {
		return err
	}
	if err := fill(); err != nil {
		return err
	}
	return m.write(dir)
}

// makeAll makes dir and what is missing above it. It returns dir and those, whose names
// are not durable yet.
func makeAll(dir string) ([]string, error) {
	made := []string{dir}
	for up := filepath.Dir(dir); up != filepath.Dir(up); up = filepath.Dir(up) {
		if _, err := os.Stat(up); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		made = append(made, up)
	}
	return made, os.MkdirAll(dir, 0o700)
}

// syncNames makes the names of what makeAll has made durable.
func syncNames(made []string) error {
	for _, path := range made {
		// Its name is in its parent, which may not be ours to open.
		if err := SyncDir(filepath.Dir(path)); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return nil
}

// unfinished are the files that a Create has made before the directory is one.
var unfinished = []string{"LOCK", copyName + ".tmp", copyName, manifestName + ".tmp"}

// wantEmpty allows what an interrupted Create of the same directory leaves: its
// empty folders, an empty first segment, a lock.
func wantEmpty(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || slices.Contains(unfinished, d.Name()) {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Size() == 0 && strings.HasPrefix(filepath.ToSlash(path), filepath.ToSlash(filepath.Join(dir, "wal"))+"/") {
			return nil
		}
		return fmt.Errorf("%w: %s holds %s; choose a new directory", ErrExists, dir, d.Name())
	})
}
