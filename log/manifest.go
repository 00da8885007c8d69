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
	"strings"
)

// FormatVersion is the version of the data directory that this package writes.
const FormatVersion = 1

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
	Parent      *Parent           `json:"parent,omitempty"` // the log that this one was restored from
	Root        *ID               `json:"root,omitempty"`   // what all that descend from one log share, see RootID
	First       uint64            `json:"first"`            // first offset that the log still holds
	Active      uint64            `json:"active"`           // first offset of the segment after the sealed ones
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

// Parent says where a restored directory came from.
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

const manifestName = "MANIFEST"

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
	raw, err := os.ReadFile(filepath.Join(dir, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, noManifest(dir)
	}
	if err != nil {
		return nil, explain(dir, err)
	}
	m, err := decodeManifest(raw)
	if errors.Is(err, ErrNewerFormat) {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if err != nil {
		return nil, &Damage{Dir: dir, File: manifestName, Byte: -1, What: err.Error(), Hint: manifestHint(dir)}
	}
	return m, nil
}

// noManifest tells a lost manifest from a directory that never had one: also one
// whose Create was interrupted, which has a segment and no byte of anything.
func noManifest(dir string) error {
	segments, _ := listSegments(dir)
	if len(segments) == 0 || wantEmpty(dir) == nil {
		return fmt.Errorf("%w in %s: `altilium serve --dir %s` makes one", ErrNoLog, dir, quoted(dir))
	}
	return &Damage{Dir: dir, File: manifestName, Byte: -1,
		What: fmt.Sprintf("it is missing, but wal/ holds %d segments", len(segments)), Hint: manifestHint(dir)}
}

// manifestHint is the way out of a lost manifest: Repair makes a new one from
// the entries, but knows neither checkpoints nor tags.
func manifestHint(dir string) string {
	return fmt.Sprintf("put a copy of the file back; without one, `altilium check --dir %s --repair --out NEW` makes a new one "+
		"from the entries, if the log still begins at offset 1", quoted(dir))
}

// write replaces the manifest of dir: wholly, or not at all.
func (m *Manifest) write(dir string) error {
	raw, err := m.encode()
	if err != nil {
		return err
	}
	return ReplaceFile(filepath.Join(dir, manifestName), raw)
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
	m := &Manifest{Format: FormatVersion, Parent: o.Parent, Root: o.Root, First: o.First, Active: o.First,
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
	for _, path := range made {
		// Its name is in its parent, which may not be ours to open.
		if err := SyncDir(filepath.Dir(path)); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
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

// wantEmpty allows what an interrupted Create of the same directory leaves: its
// empty folders, an empty first segment, a lock.
func wantEmpty(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "LOCK" || d.Name() == manifestName+".tmp" {
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
