package log

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// unshare makes a segment that is going to be changed this directory's own. One that has
// a second name is another directory's too: a fork's, or a backup's that was made of hard
// links. Forks share sealed segments only, which are never changed; but a manifest that
// somebody has put back may be older than the sealing. A copy takes the name then.
func unshare(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // who opens it will say so
	}
	if err != nil || names(info) < 2 {
		return err
	}
	tmp := filepath.Join(filepath.Dir(path), "unshared.tmp")
	os.Remove(tmp) // of a process that was killed at this
	if err := copyFile(path, tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}
