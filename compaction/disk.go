package compaction

import (
	"errors"
	"io"
	"os"
	"runtime"
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

// syncDir makes the names in a directory durable. Windows keeps them so by
// itself and has no call for it.
func (osDisk) syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
