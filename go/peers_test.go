package scopeflow

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// exportedNames are the package's, methods and fields as `Scope.Close`.
func exportedNames(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, path := range must(filepath.Glob("*.go")) {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(gotoken.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, each := range file.Decls {
			addExported(found, each)
		}
	}
	return found
}

func addExported(found map[string]bool, declaration ast.Decl) {
	switch d := declaration.(type) {
	case *ast.FuncDecl:
		name := d.Name.Name
		if d.Recv != nil {
			name = receiverOf(d) + "." + name
		}
		found[name] = true
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				found[s.Name.Name] = true
			case *ast.ValueSpec:
				for _, name := range s.Names {
					found[name.Name] = true
				}
			}
		}
	}
}

// receiverOf is the type of a method, empty for a generic one.
func receiverOf(d *ast.FuncDecl) string {
	receiver := d.Recv.List[0].Type
	if star, isPointer := receiver.(*ast.StarExpr); isPointer {
		receiver = star.X
	}
	name, _ := receiver.(*ast.Ident)
	if name == nil {
		return ""
	}
	return name.Name
}

// What the README's table says to use instead of the peers' names is there, or is said not to be.
func TestWhatStandsForThePeersNamesIsThere(t *testing.T) {
	text := string(must(os.ReadFile("README.md")))
	_, table, _ := strings.Cut(text, "<!-- peers")
	table, _, isWhole := strings.Cut(table, "<!-- /peers -->")
	if !isWhole {
		t.Fatal("the README has no table of the peers' names")
	}
	names := exportedNames(t)
	quoted := regexp.MustCompile("`([A-Z][A-Za-z.]*)`")
	count := 0
	for _, row := range strings.Split(table, "\n|") {
		_, here, isRow := strings.Cut(strings.Trim(row, "| \n"), " | ")
		if !isRow {
			continue
		}
		mentioned := quoted.FindAllStringSubmatch(here, -1)
		if strings.Contains(here, "the same") {
			there, _, _ := strings.Cut(strings.Trim(row, "| \n"), " | ")
			mentioned = append(mentioned, quoted.FindAllStringSubmatch(there, -1)...)
		}
		for _, name := range mentioned {
			count++
			if !names[name[1]] {
				t.Errorf("there is no %s, of which the README says %q", name[1], here)
			}
		}
	}
	if count < 80 {
		t.Errorf("the table mentions %d names", count)
	}
	for name := range names {
		registry, isRegistering := strings.CutPrefix(name, "Runtime.Register")
		if isRegistering && registry != "" &&
			!(names["Scope.Register"+registry] && names["Scope.Deregister"+registry] && names["Deregister"+registry]) {
			t.Errorf("%s stands alone", name)
		}
	}
}
