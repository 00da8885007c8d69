package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command/rdb"
)

// withParts puts the files of an append-only log of Redis in the place of its directory. The later
// ones without the first are refused: keys and values would be missing.
func withParts(paths []string) (files []string, err error) {
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			parts, err := partsOf(path)
			if err != nil {
				return nil, err
			}
			files = append(files, parts...)
			continue
		}
		dir := filepath.Dir(path)
		isBase := func(file string) bool {
			return filepath.Dir(file) == dir && strings.Contains(filepath.Base(file), ".base.")
		}
		if strings.HasSuffix(path, ".incr.aof") && !slices.ContainsFunc(files, isBase) {
			if _, err := partsOf(dir); err == nil {
				return nil, usagef("%s goes on where another file of %s ends; `altilium import %s` reads all of them", path, dir, quoteWord(dir))
			}
		}
		files = append(files, path)
	}
	return files, nil
}

// partsOf gives the files of an append-only log of Redis, in their order: a line of its manifest
// says `file NAME seq N type T`, with type h for what is in the log no more.
func partsOf(dir string) (parts []string, err error) {
	files := os.DirFS(dir)
	manifests, err := fs.Glob(files, "*.manifest")
	if err != nil || len(manifests) != 1 {
		return nil, usagef("%s is a directory, and not that of an append-only log of Redis, which has a manifest; name the files in it", dir)
	}
	raw, err := fs.ReadFile(files, manifests[0])
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(raw)) {
		words, err := splitWords(line)
		if err != nil || len(words) < 6 || words[0] != "file" || words[4] != "type" || words[1] != filepath.Base(words[1]) {
			return nil, fmt.Errorf("%s: %q names no file of an append-only log; %w", filepath.Join(dir, manifests[0]), strings.TrimSpace(line), errImport)
		}
		if words[5] != "h" {
			parts = append(parts, filepath.Join(dir, words[1]))
		}
	}
	return parts, nil
}

// readRDB reads a snapshot of Redis. In an append-only file commands follow one.
func (im *importer) readRDB(path string) error {
	p, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	db := 0
	use := func(n int) {
		if n != db {
			im.commands = append(im.commands, legacyCommand{args: byteArgs([]string{"SELECT", strconv.Itoa(n)}), path: path})
			db = n
		}
	}
	size, left, err := rdb.ReadFile(p, func(k rdb.Key) error {
		c := legacyCommand{path: path, key: string(k.Name)}
		if k.DB >= state.Databases {
			return c.refuse(fmt.Sprintf("it is in database %d, and there are %d here", k.DB, state.Databases))
		}
		use(k.DB)
		c.args = byteArgs([]string{"RESTORE", c.key, strconv.FormatInt(k.ExpireAt, 10), string(k.Payload), "ABSTTL", "REPLACE"})
		im.spare(c.args)
		im.commands = append(im.commands, c)
		return nil
	})
	if errors.Is(err, rdb.ErrFile) {
		return fmt.Errorf("%s: %w; %w", path, err, errImport)
	}
	if err != nil {
		return err
	}
	use(0) // where a file of commands begins
	im.foreign += left
	return im.readCommands(path, bytes.NewReader(p[size:]), int64(size))
}

// A file of Redis says when keys expire by moments, some of which have come since it was written,
// and goes on with commands for these keys: they lived then, and a later command may have made
// them live longer. So no key may be due before all is read. What would be gets an expiry that
// is spared by so many ms, and has its own again at the end.
const spared = 1 << 60

// spare moves the expiry that a command sets out of reach, where it has come.
func (im *importer) spare(args [][]byte) {
	words := func(i int) string { return strings.ToUpper(string(args[i])) }
	set := func(word, at int, inSeconds bool, name string) {
		ms, err := strconv.ParseInt(string(args[at]), 10, 64)
		if inSeconds {
			ms *= 1000
		}
		if err != nil || ms <= 0 || ms > im.now.UnixMilli() {
			return
		}
		args[at] = strconv.AppendInt(nil, ms+spared, 10)
		if inSeconds {
			args[word] = []byte(name)
		}
	}
	switch name := words(0); name {
	case "PEXPIREAT", "EXPIREAT":
		if len(args) > 2 {
			set(0, 2, name == "EXPIREAT", "PEXPIREAT")
		}
	case "RESTORE":
		for i := 4; i < len(args); i++ {
			if words(i) == "ABSTTL" {
				set(0, 2, false, "")
			}
		}
	case "SET", "GETEX":
		for i := 2; i+1 < len(args); i++ {
			if word := words(i); i > 2 || name == "GETEX" {
				if word == "PXAT" || word == "EXAT" {
					set(i, i+1, word == "EXAT", "PXAT")
					return
				}
			}
		}
	}
}

// due are the commands that give the keys which were spared, and still are, their own expiry, which
// has come: it removes them. keys is how many.
func (im *importer) due(st *state.State) (commands []legacyCommand, keys int) {
	for db := range state.Databases {
		before := keys
		view := st.View(db, 0)
		view.Each(func(key []byte) bool {
			if at, _ := view.ExpireAt(key); at > spared {
				if keys++; keys == before+1 {
					commands = append(commands, legacyCommand{args: byteArgs([]string{"SELECT", strconv.Itoa(db)})})
				}
				commands = append(commands, legacyCommand{args: byteArgs([]string{"PEXPIREAT", string(key), strconv.FormatInt(at-spared, 10)}), key: string(key)})
			}
			return true
		})
	}
	return commands, keys
}
