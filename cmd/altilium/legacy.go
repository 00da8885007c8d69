package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// The files of the original Altilium-DB. Its snapshot is one JSON object:
//
//	{"data":     {key: {"String": …} | {"Hash": {field: …}} | {"List": …} | {"Set": …}},
//	 "metadata": {key: {"expiry": {"secs_since_epoch": n, "nanos_since_epoch": n} | null}}}
//
// A value is text, or an array of byte values where it was stored as bytes.
// Its append-only file holds commands in wire form, arrays or plain lines.

// legacySnapshot is the shape of data.snapshot.json.
type legacySnapshot struct {
	Data     map[string]map[string]json.RawMessage `json:"data"`
	Metadata map[string]struct {
		Expiry *legacyTime `json:"expiry"`
	} `json:"metadata"`
}

type legacyTime struct {
	Secs  int64 `json:"secs_since_epoch"`
	Nanos int64 `json:"nanos_since_epoch"`
}

// millis is the time in ms since 1970, rounded up: a key never dies early. ok is
// false for a time that no clock shows.
func (t legacyTime) millis() (ms int64, ok bool) {
	const year9999 = 253402300800
	if t.Secs < 0 || t.Secs > year9999 || t.Nanos < 0 || t.Nanos >= 1e9 {
		return 0, false
	}
	return t.Secs*1000 + (t.Nanos+999_999)/1_000_000, true
}

// legacyValue is text, or an array of byte values.
type legacyValue []byte

// UnmarshalJSON reads either form.
func (v *legacyValue) UnmarshalJSON(raw []byte) error {
	var text *string // nil for null, which is no value
	if err := json.Unmarshal(raw, &text); err == nil && text != nil {
		*v = []byte(*text)
		return nil
	}
	var numbers []uint16
	if err := json.Unmarshal(raw, &numbers); err != nil || numbers == nil {
		return errors.New("a value is neither text nor an array of bytes")
	}
	out := make([]byte, 0, len(numbers))
	for _, n := range numbers {
		if n > 255 {
			return fmt.Errorf("%d is no byte", n)
		}
		out = append(out, byte(n))
	}
	*v = out
	return nil
}

// readLegacySnapshot turns a snapshot into commands, by key. Keys whose time
// had come before now are left out and counted. A value that cannot be is an
// error that names its key.
func readLegacySnapshot(path string, nowMS int64) (commands [][][]byte, expired int, err error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, err
	}
	var snap legacySnapshot
	if err := json.Unmarshal(raw, &snap); err != nil {
		return nil, 0, fmt.Errorf("%s: %w: it is no snapshot of Altilium-DB; %w", path, jsonPlace(raw, err), errImport)
	}
	if snap.Data == nil {
		return nil, 0, fmt.Errorf("%s: it is no snapshot of Altilium-DB: it has no \"data\"; %w", path, errImport)
	}
	keys := make([]string, 0, len(snap.Data))
	for key := range snap.Data {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		at := int64(0)
		if e := snap.Metadata[key].Expiry; e != nil {
			var ok bool
			if at, ok = e.millis(); !ok {
				return nil, 0, fmt.Errorf("%s: key %q: its expiry of %d s and %d ns since 1970 is no time; %w", path, key, e.Secs, e.Nanos, errImport)
			}
			if at <= nowMS {
				expired++
				continue
			}
		}
		cmds, err := legacyCommands(key, snap.Data[key], at)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: key %q: %w; %w", path, key, err, errImport)
		}
		commands = append(commands, cmds...)
	}
	return commands, expired, nil
}

// legacyCommands are what stores one key.
func legacyCommands(key string, value map[string]json.RawMessage, at int64) ([][][]byte, error) {
	if len(value) != 1 {
		return nil, fmt.Errorf("a value has one type, this has %d", len(value))
	}
	for typ, raw := range value {
		switch typ {
		case "String":
			return legacyString(key, raw, at)
		case "Hash":
			return legacyHash(key, raw, at)
		case "List":
			return legacyItems("RPUSH", key, raw, at)
		case "Set":
			return legacyItems("SADD", key, raw, at)
		default:
			return nil, fmt.Errorf("unknown type %q", typ)
		}
	}
	return nil, nil
}

func legacyString(key string, raw json.RawMessage, at int64) ([][][]byte, error) {
	var v legacyValue
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	set := [][]byte{[]byte("SET"), []byte(key), v}
	if at > 0 {
		set = append(set, []byte("PXAT"), strconv.AppendInt(nil, at, 10))
	}
	return [][][]byte{set}, nil
}

func legacyHash(key string, raw json.RawMessage, at int64) ([][][]byte, error) {
	var fields map[string]legacyValue
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	if fields == nil {
		return nil, errors.New("a hash is an object of fields")
	}
	if len(fields) == 0 {
		return nil, nil // no key holds an empty hash
	}
	names := make([]string, 0, len(fields))
	for f := range fields {
		names = append(names, f)
	}
	slices.Sort(names)
	hset := [][]byte{[]byte("HSET"), []byte(key)}
	for _, f := range names {
		hset = append(hset, []byte(f), fields[f])
	}
	return legacyCollection(key, hset, at), nil
}

// legacyItems are the commands that store a list or a set.
func legacyItems(add, key string, raw json.RawMessage, at int64) ([][][]byte, error) {
	var items []legacyValue
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, err
	}
	if items == nil {
		return nil, errors.New("a list or a set is an array of values")
	}
	if len(items) == 0 {
		return nil, nil // no key holds an empty one
	}
	cmd := [][]byte{[]byte(add), []byte(key)}
	for _, item := range items {
		cmd = append(cmd, item)
	}
	return legacyCollection(key, cmd, at), nil
}

// legacyCollection are the commands that put what add builds in the place of what a key held.
func legacyCollection(key string, add [][]byte, at int64) [][][]byte {
	cmds := [][][]byte{{[]byte("DEL"), []byte(key)}, add}
	if at > 0 {
		cmds = append(cmds, [][]byte{[]byte("PEXPIREAT"), []byte(key), strconv.AppendInt(nil, at, 10)})
	}
	return cmds
}

// jsonPlace adds the line to an error of the JSON decoder.
func jsonPlace(raw []byte, err error) error {
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	at := int64(-1)
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &typ):
		at = typ.Offset
	}
	if at < 0 || at > int64(len(raw)) {
		return err
	}
	return fmt.Errorf("line %d: %w", 1+strings.Count(string(raw[:at]), "\n"), err)
}
