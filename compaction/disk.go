package compaction

import (
	"io"
	"os"

	"github.com/altilium-db/altilium/log"
)

// disk is what writing a checkpoint asks of the file system. There is a second
// one in the tests, which fails at a chosen call.
type disk interface {
	create(path string) (file, error)
	rename(from, to string) error
	syncDir(path string) error
}

// file is a file being written.
type file interface {
	io.Writer
	io.WriterAt
	Sync() error
	Close() error
}

// osDisk is the operating system's.
type osDisk struct{}

func (osDisk) create(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (osDisk) rename(from, to string) error { return os.Rename(from, to) }

func (osDisk) syncDir(path string) error { return log.SyncDir(path) }
