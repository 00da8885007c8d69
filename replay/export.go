package replay

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math"
	"strconv"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/state"
)

// An export is text, a line for the whole and then one for each key:
//
//	{"altilium_export":1,"log":"…","root":"…","offset":9,"time_usec":…,"keys":2,"digest":"…","sum":"…"}
//	{"db":0,"key":"k","type":"string","encoding":0,"value":"v","expire_at_ms":…,"sum":"…"}
//	{"db":0,"key":"z","type":"zset","encoding":5,"items":["one","1.5"],"sum":"…"}
//
// A string is text, or {"base64": …} where it is not UTF-8. The items of a hash are field,
// value …, of a set members, of a sorted set member, score …, of a list elements. Those of
// a stream are as in checkpoints: what it has besides its entries, its entries in chunks,
// its groups with their consumers and what is pending (state/stream_record.go). encoding
// is the fixed number of checkpoints. sum is the CRC-32C, in hex, of the line without it:
// so that what is damaged is found where it is. An export that leaves keys out has no
// digest.
//
// A directory that an import or a restore has made says of its first state whose it was.
// So what was imported, exported again, is the same to the byte.

// exportVersion is the format's; one that is newer is refused.
const exportVersion = 1

// exportHead is the first line.
type exportHead struct {
	Version int    `json:"altilium_export"`
	Log     log.ID `json:"log"`
	Root    log.ID `json:"root"` // which the order of the keys follows from
	Offset  uint64 `json:"offset"`
	Time    int64  `json:"time_usec"` // of the entry there
	Keys    int    `json:"keys"`
	Digest  string `json:"digest,omitempty"`
}

// exportKey is a line of one key.
type exportKey struct {
	DB       int    `json:"db"`
	Key      Text   `json:"key"`
	Type     string `json:"type"`
	Encoding uint8  `json:"encoding"`
	Value    *Text  `json:"value,omitempty"`
	Items    []Text `json:"items,omitempty"`
	ExpireAt int64  `json:"expire_at_ms,omitempty"`
}

// Exporting is which keys are exported.
type Exporting struct {
	DB    int                   // -1: of every database
	Match func(key []byte) bool // nil: every key
}

func (x *Exporting) all() bool { return x.DB < 0 && x.Match == nil }

// each hands visit the records that are exported, in the order of the state.
func (x *Exporting) each(st *state.State, visit func(db int, r *state.Record) error) (err error) {
	for db := range state.Databases {
		if x.DB >= 0 && db != x.DB {
			continue
		}
		st.Export(db, 0, func(r state.Record) bool {
			if x.Match == nil || x.Match(r.Key) {
				err = visit(db, &r)
			}
			return err == nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Export writes the keys of a moment of the log in dir as lines, each with its end, to write, which must not
// keep them. One key at a time is in memory besides the state.
func Export(dir string, at *At, x Exporting, write func(line []byte) error) error {
	head := exportHead{Version: exportVersion, Log: at.LogID, Root: at.Root, Offset: at.Offset, Time: at.Time, Keys: at.State.TotalKeys()}
	if m, err := log.ReadManifest(dir); err == nil && m.Parent != nil && m.First == at.Offset+1 && m.Parent.Offset == at.Offset {
		head.Log = m.Parent.LogID
	}
	if x.all() {
		head.Digest = fmt.Sprintf("%016x", at.State.Digest())
	} else {
		head.Keys = 0
		if err := x.each(at.State, func(int, *state.Record) error { head.Keys++; return nil }); err != nil {
			return err
		}
	}
	if err := writeSummed(head, write); err != nil {
		return err
	}
	return x.each(at.State, func(db int, r *state.Record) error {
		return writeSummed(lineOf(db, r), write)
	})
}

// ExportCommands hands visit the commands, as words, that make the keys of a moment on an
// empty server, with SELECT before those of each database; see [Comparison.Commands].
func ExportCommands(at *At, x Exporting, visit func(words ...[]byte) error) error {
	c, selected := &Comparison{To: at}, -1
	return x.each(at.State, func(db int, r *state.Record) error {
		if db != selected {
			selected = db
			if err := visit([]byte("SELECT"), strconv.AppendInt(nil, int64(db), 10)); err != nil {
				return err
			}
		}
		return c.Commands(&Difference{DB: db, Key: r.Key, After: ValueAt(at.State.View(db, 0), r.Key)}, visit)
	})
}

// lineOf is a record as a line has it.
func lineOf(db int, r *state.Record) *exportKey {
	k := &exportKey{DB: db, Key: r.Key, Type: r.Type.String(), Encoding: r.Encoding, ExpireAt: r.ExpireAt}
	if r.Type == state.String {
		value := Text(r.Value)
		k.Value = &value
		return k
	}
	k.Items = texts(r.Items)
	if r.Type == state.ZSet {
		for i := 1; i < len(k.Items); i += 2 {
			score, _ := state.ScoreOf(r.Items[i]) // Export gives whole ones
			k.Items[i] = strconv.AppendFloat(nil, score, 'g', -1, 64)
		}
	}
	return k
}

// sumHead is what stands before a line's sum, and sumLen how long all of that is.
const (
	sumHead = `,"sum":"`
	sumLen  = len(sumHead) + 8 + len(`"}`)
)

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// writeSummed writes a value as a line with its sum.
func writeSummed(v any, write func(line []byte) error) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	sum := crc32.Checksum(line, castagnoli())
	return write(fmt.Appendf(line[:len(line)-1], "%s%08x\"}\n", sumHead, sum))
}

// readSummed reads a line that writeSummed has written, without its end.
func readSummed(line []byte, v any) error {
	cut := len(line) - sumLen
	if cut < 1 || string(line[cut:cut+len(sumHead)]) != sumHead {
		return fmt.Errorf("there is no line of an export with its sum")
	}
	body := append(append([]byte{}, line[:cut]...), '}')
	if want := string(line[cut+len(sumHead) : len(line)-2]); want != fmt.Sprintf("%08x", crc32.Checksum(body, castagnoli())) {
		return fmt.Errorf("the line is not what was written: its sum is wrong")
	}
	return json.Unmarshal(body, v)
}

// record is the record that a line tells of.
func (k *exportKey) record() (r state.Record, err error) {
	r = state.Record{Key: k.Key, Encoding: k.Encoding, ExpireAt: k.ExpireAt}
	for _, t := range []state.Type{state.String, state.Hash, state.Set, state.ZSet, state.List, state.Stream} {
		if t.String() == k.Type {
			r.Type = t
		}
	}
	switch {
	case r.Type == state.None:
		return r, fmt.Errorf("there is no type %q", k.Type)
	case (r.Type == state.String) != (k.Value != nil):
		return r, fmt.Errorf("a %s has no such value", k.Type)
	case k.Value != nil:
		r.Value = *k.Value
		return r, nil
	}
	for i, item := range k.Items {
		if r.Type != state.ZSet || i%2 == 0 {
			r.Items = append(r.Items, item)
			continue
		}
		score, err := strconv.ParseFloat(string(item), 64)
		if err != nil || math.IsNaN(score) {
			return r, fmt.Errorf("%q is no score", item)
		}
		r.Items = append(r.Items, state.ScoreItem(score))
	}
	return r, nil
}
