package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/altilium-db/altilium/state"
	"github.com/altilium-db/altilium/state/command/rdb"
)

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
		switch {
		case k.DB >= state.Databases:
			return c.refuse(fmt.Sprintf("it is in database %d, and there are %d here", k.DB, state.Databases))
		case k.ExpireAt != 0 && k.ExpireAt <= im.now.UnixMilli():
			im.expired++
			return nil
		}
		use(k.DB)
		c.args = byteArgs([]string{"RESTORE", c.key, strconv.FormatInt(k.ExpireAt, 10), string(k.Payload), "ABSTTL", "REPLACE"})
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
