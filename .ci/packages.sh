# Functions for `demo` and `test`; POSIX sh.

# Installs Debian packages when this user may, else names the command. Returns 1 if one is missing.
install_packages() {
  [ $# -gt 0 ] || return 0
  absent=$*
  if command -v apt-get >/dev/null 2>&1; then
    if [ "$(id -u)" -eq 0 ]; then
      as_root=env
    elif sudo -n true 2>/dev/null; then
      as_root="sudo -n env"
    else
      echo "Missing packages. Please run: sudo apt-get install $absent" >&2
      return 1
    fi
    echo "Installing $absent" >&2
    apt="$as_root DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq"
    $apt update >/dev/null || true
    $apt install -y --no-install-recommends "$@" >/dev/null && return 0
    # One that is not to be had here must not keep the others away.
    absent=""
    for package in "$@"; do
      $apt install -y --no-install-recommends "$package" >/dev/null || absent="$absent $package"
    done
    [ -n "$absent" ] || return 0
  fi
  echo "Could not install what these Debian packages hold: $absent" >&2
  return 1
}

# Whether an interpreter can make a virtual environment with pip in it.
has_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

# Whether extension modules can be compiled for an interpreter.
has_headers() {
  "$1" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))'
}

# Whether an interpreter is recent enough.
is_python() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; }
