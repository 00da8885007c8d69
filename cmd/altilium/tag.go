package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/altilium-db/altilium/log"
	"github.com/altilium-db/altilium/replay"
	"github.com/altilium-db/altilium/replay/past"
	"github.com/spf13/cobra"
)

func newTag() *cobra.Command {
	var w *where
	var asJSON, force, remove bool
	cmd := &cobra.Command{
		Use:   "tag [NAME [POINT]]",
		Short: "Give a point a name, or list the names",
		Long: `Give a point a name that stands for it wherever a point is wanted, the last entry
where none is given. A tag keeps the history from its point on, whatever retention
says, until it is taken away with -d. Without a name the tags are listed. While a
server runs on the directory only that can set tags: ask it with --addr.`,
		Example: `  altilium tag
  altilium tag before-migration --addr 127.0.0.1:6379     while a server runs
  altilium tag v1 @1200
  altilium tag v1 -5m --force
  altilium tag -d v1`,
		Args: wantArgs(0, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0 && (remove || force):
				return usagef("which tag? `altilium tag` lists them")
			case len(args) == 0:
				words := []string{"TAGS"}
				if asJSON {
					words = append(words, "JSON")
				}
				_, err := w.print(words)
				return err
			case remove && len(args) == 2:
				return usagef("-d takes the name of a tag alone")
			case remove:
				return w.untag(args[0])
			}
			return w.tag(args, force)
		},
	}
	w = whereFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "list them as one JSON object a line")
	cmd.Flags().BoolVar(&force, "force", false, "move a tag that is there already")
	cmd.Flags().BoolVarP(&remove, "delete", "d", false, "take the tag away")
	return cmd
}

// tag sets one.
func (w *where) tag(args []string, force bool) error {
	if w.remote() {
		words := append([]string{"LOG", "TAG"}, args...)
		if force {
			words = append(words, "FORCE")
		}
		v, err := w.tell(words)
		if err == nil {
			fmt.Fprintf(w.cmd.ErrOrStderr(), "%s is %s\n", args[0], v)
		}
		return err
	}
	point := "@last"
	if len(args) == 2 {
		point = args[1]
	}
	p, err := replay.ParsePoint(point)
	if err != nil {
		return err
	}
	at, err := p.Resolve(*w.dir, time.Now())
	if err != nil {
		return err
	}
	err = w.locked(func(d *log.Dir) error { return past.Tag(d.UpdateManifest, args[0], at, force) })
	if errors.Is(err, past.ErrTagged) {
		return usagef("%w: --force", err)
	}
	if err == nil {
		fmt.Fprintf(w.cmd.ErrOrStderr(), "%s is %s\n", args[0], at)
	}
	return err
}

// untag takes one away.
func (w *where) untag(name string) error {
	if w.remote() {
		_, err := w.tell([]string{"LOG", "UNTAG", name})
		return err
	}
	return w.locked(func(d *log.Dir) error { return past.Untag(d.UpdateManifest, name) })
}

// tell has the server do something, and gives its answer.
func (w *where) tell(words []string) (string, error) {
	c, err := w.dial()
	if err != nil {
		return "", err
	}
	defer c.conn.Close()
	v, err := c.ask(words...)
	if err == nil {
		err = remoteError(v)
	}
	return v.Text(), err
}

// locked calls f with the directory, which no server may have.
func (w *where) locked(f func(*log.Dir) error) error {
	d, err := log.OpenDir(*w.dir, log.Options{})
	if errors.Is(err, log.ErrInUse) {
		return fmt.Errorf("%w; or ask its server: --addr HOST:PORT", err)
	}
	if err != nil {
		return err
	}
	return errors.Join(f(d), d.Close())
}
