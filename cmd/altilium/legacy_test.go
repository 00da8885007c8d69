package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/state/command"
)

// snapshotFile writes a snapshot and gives its path.
func snapshotFile(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data.snapshot.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const legacyNow = 1_700_000_000_000 // ms since 1970

func TestLegacySnapshot(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       string // commands, one a line; or what the error holds
		expired    int
		refused    bool
	}{
		{name: "text", text: `{"data":{"k":{"String":"v"}},"metadata":{}}`, want: "SET k v"},
		{name: "no metadata", text: `{"data":{"k":{"String":"v"}}}`, want: "SET k v"},
		{name: "bytes", text: `{"data":{"k":{"String":[0,255]}}}`, want: `SET k "\x00\xff"`},
		{name: "empty text", text: `{"data":{"k":{"String":""}}}`, want: `SET k ""`},
		{name: "empty bytes", text: `{"data":{"k":{"String":[]}}}`, want: `SET k ""`},
		{name: "empty key", text: `{"data":{"":{"String":"v"}}}`, want: `SET "" v`},
		{name: "keys in order", text: `{"data":{"b":{"String":"2"},"a":{"String":"1"}}}`, want: "SET a 1\nSET b 2"},
		{name: "hash", text: `{"data":{"h":{"Hash":{"g":"2","f":[49]}}}}`, want: "DEL h\nHSET h f 1 g 2"},
		{name: "empty hash", text: `{"data":{"h":{"Hash":{}}}}`, want: ""},
		{name: "list", text: `{"data":{"l":{"List":["b",[97],"b"]}}}`, want: "DEL l\nRPUSH l b a b"},
		{name: "empty list", text: `{"data":{"l":{"List":[]}}}`, want: ""},
		{name: "set that expires", text: `{"data":{"s":{"Set":["a","b"]}},"metadata":{"s":{"expiry":{"secs_since_epoch":1700000001,"nanos_since_epoch":0}}}}`,
			want: "DEL s\nSADD s a b\nPEXPIREAT s 1700000001000"},
		{name: "nothing", text: `{"data":{}}`, want: ""},
		{name: "expiry", text: `{"data":{"k":{"String":"v"}},"metadata":{"k":{"expiry":{"secs_since_epoch":1700000001,"nanos_since_epoch":1}}}}`,
			want: "SET k v PXAT 1700000001001"},
		{name: "expiry of a hash", text: `{"data":{"h":{"Hash":{"f":"v"}}},"metadata":{"h":{"expiry":{"secs_since_epoch":1700000001,"nanos_since_epoch":0}}}}`,
			want: "DEL h\nHSET h f v\nPEXPIREAT h 1700000001000"},
		{name: "just expired", text: `{"data":{"k":{"String":"v"}},"metadata":{"k":{"expiry":{"secs_since_epoch":1700000000,"nanos_since_epoch":0}}}}`,
			expired: 1},
		{name: "expires within the ms", text: `{"data":{"k":{"String":"v"}},"metadata":{"k":{"expiry":{"secs_since_epoch":1700000000,"nanos_since_epoch":1}}}}`,
			want: "SET k v PXAT 1700000000001"},
		{name: "metadata of no key", text: `{"data":{},"metadata":{"k":{"expiry":{"secs_since_epoch":1,"nanos_since_epoch":0}}}}`},

		{name: "absurd expiry", text: `{"data":{"k":{"String":"v"}},"metadata":{"k":{"expiry":{"secs_since_epoch":9223372036854775807,"nanos_since_epoch":0}}}}`,
			refused: true, want: `key "k": its expiry of 9223372036854775807 s`},
		{name: "too many ns", text: `{"data":{"k":{"String":"v"}},"metadata":{"k":{"expiry":{"secs_since_epoch":1800000000,"nanos_since_epoch":1000000000}}}}`,
			refused: true, want: "is no time"},
		{name: "list of null", text: `{"data":{"l":{"List":null}}}`, refused: true, want: "is an array of values"},
		{name: "set of an object", text: `{"data":{"s":{"Set":{"a":"b"}}}}`, refused: true, want: `key "s"`},
		{name: "unknown type", text: `{"data":{"z":{"ZSet":["a"]}}}`, refused: true, want: `unknown type "ZSet"`},
		{name: "two types", text: `{"data":{"k":{"String":"v","Hash":{}}}}`, refused: true, want: "one type, this has 2"},
		{name: "no type", text: `{"data":{"k":{}}}`, refused: true, want: "one type, this has 0"},
		{name: "null", text: `{"data":{"k":{"String":null}}}`, refused: true, want: "neither text nor"},
		{name: "number", text: `{"data":{"k":{"String":7}}}`, refused: true, want: "neither text nor"},
		{name: "no byte", text: `{"data":{"k":{"String":[256]}}}`, refused: true, want: "256 is no byte"},
		{name: "half a byte", text: `{"data":{"k":{"String":[1.5]}}}`, refused: true, want: "neither text nor"},
		{name: "hash of null", text: `{"data":{"h":{"Hash":null}}}`, refused: true, want: "a hash is an object"},
		{name: "hash of a list", text: `{"data":{"h":{"Hash":["a"]}}}`, refused: true, want: `key "h"`},
		{name: "field of null", text: `{"data":{"h":{"Hash":{"f":null}}}}`, refused: true, want: "neither text nor"},
		{name: "no data", text: `{"metadata":{}}`, refused: true, want: `it has no "data"`},
		{name: "no object", text: `[1]`, refused: true, want: "line 1"},
		{name: "no JSON", text: "{\n\n oops}", refused: true, want: "line 3"},
		{name: "cut short", text: "{\"data\":\n{\"a\":", refused: true, want: "line 2"},
		{name: "more after it", text: "{\"data\":{}}\n{}", refused: true, want: "line 2"},
		{name: "empty", text: "", refused: true, want: "it is no snapshot"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := snapshotFile(t, c.text)
			cmds, expired, err := readLegacySnapshot(path, legacyNow)
			if c.refused {
				if !errors.Is(err, errImport) || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), path) || exitCode(importError(err)) != exitDifference {
					t.Errorf("%v, want %s", err, c.want)
				}
				return
			}
			var lines []string
			for _, cmd := range cmds {
				lines = append(lines, quoteArgs(cmd))
			}
			if got := strings.Join(lines, "\n"); err != nil || got != c.want || expired != c.expired {
				t.Errorf("%v, %d expired:\n%s\nwant %d:\n%s", err, expired, got, c.expired, c.want)
			}
		})
	}
}

// FuzzLegacySnapshot: whatever the file holds, it is commands that the table
// knows or an error that names the file.
func FuzzLegacySnapshot(f *testing.F) {
	f.Add(`{"data":{"k":{"String":"v"},"h":{"Hash":{"f":[1]}}},"metadata":{"k":{"expiry":{"secs_since_epoch":1800000000,"nanos_since_epoch":5}}}}`)
	f.Add(`{"data":{"l":{"List":["a"]},"s":{"Set":["a",[98]]}}}`)
	f.Add(`{"data":{"a":`)
	table := command.NewTable()
	f.Fuzz(func(t *testing.T, text string) {
		path := snapshotFile(t, text)
		cmds, _, err := readLegacySnapshot(path, legacyNow)
		if err != nil && (!errors.Is(err, errImport) || !strings.HasPrefix(err.Error(), path)) {
			t.Errorf("%v", err)
		}
		for _, c := range cmds {
			spec, problem := table.Lookup(c)
			if problem != "" || spec.Flags&command.Write == 0 {
				t.Errorf("%s: %s", quoteArgs(c), problem)
			}
		}
	})
}

// TestImportManyTurns: more commands than a turn has, from both kinds of files,
// are all there, and a failure after many of them leaves nothing.
func TestImportManyTurns(t *testing.T) {
	const keys = 1000
	var aof strings.Builder
	data := map[string]map[string]string{}
	for i := range keys {
		fmt.Fprintf(&aof, "SET a:%d %d\r\n", i, i)
		data[fmt.Sprintf("s:%d", i)] = map[string]string{"String": fmt.Sprint(i)}
	}
	raw, err := json.Marshal(map[string]any{"data": data})
	if err != nil {
		t.Fatal(err)
	}
	snap, good, bad := snapshotFile(t, string(raw)), filepath.Join(t.TempDir(), "data.aof"), filepath.Join(t.TempDir(), "bad.aof")
	if err := errors.Join(os.WriteFile(good, []byte(aof.String()), 0o600),
		os.WriteFile(bad, []byte(aof.String()+"SET h:1 x\nINCR h:1\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "d")
	if code := run([]string{"import", "--dir", dir, bad}); code != exitDifference {
		t.Errorf("exit code %d for a command that fails", code)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory is there after nothing was imported: %v", err)
	}
	if code := run([]string{"import", "--dir", dir, snap, good}); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	if code := run([]string{"import", "--dir", dir, bad}); code != exitDifference {
		t.Errorf("exit code %d for a command that fails, on data", code)
	}
	at, err := replay.StateAt(dir, replay.Last(), nil)
	if err != nil || at.Offset != 2*keys || at.State.TotalKeys() != 2*keys {
		t.Fatalf("%d entries, %d keys: %v", at.Offset, at.State.TotalKeys(), err)
	}
}

// TestImportClock: both passes see one time, so that what has expired in between
// does not make them differ.
func TestImportClock(t *testing.T) {
	now := time.UnixMilli(legacyNow)
	im := importer{now: now, table: command.NewTable()}
	path := snapshotFile(t, fmt.Sprintf(`{"data":{"k":{"String":"v"}},"metadata":{"k":{"expiry":{"secs_since_epoch":%d,"nanos_since_epoch":0}}}}`, now.Unix()+1))
	if err := im.read(path); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "d")
	sum, err := im.into(dir) // years after that clock
	if err != nil || sum.Imported != 1 || sum.Keys != 1 {
		t.Errorf("%+v: %v", sum, err)
	}
	if _, err := log.ReadManifest(dir); err != nil {
		t.Error(err)
	}
}
