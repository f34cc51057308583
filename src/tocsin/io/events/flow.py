"""Which way information goes at a system call: into the process or out of it."""

from __future__ import annotations

from typing import Literal

from tocsin.io.events.event_names import word_set

Direction = Literal["in", "out", ""]

INWARD = word_set(
    "read pread64 readv preadv preadv2 recvfrom recvmsg recv recvmmsg getdents getdents64 accept accept4 mmap mmap2 "
    "readlink readlinkat execve execveat getxattr fgetxattr listxattr security_bprm_check"
)
OUTWARD = word_set(
    "write pwrite64 writev pwritev pwritev2 sendto sendmsg send sendmmsg sendfile sendfile64 connect bind unlink "
    "unlinkat rename renameat renameat2 truncate ftruncate fallocate chmod fchmod fchmodat chown fchown fchownat "
    "lchown mkdir mkdirat rmdir link linkat symlink symlinkat mknod mknodat setxattr fsetxattr removexattr utimensat "
    "init_module finit_module kill tkill tgkill ptrace process_vm_writev mount umount2 security_inode_unlink "
    "security_inode_symlink security_inode_mknod security_socket_connect security_socket_bind"
)
OPENING = word_set("open openat openat2 creat security_file_open")
SPAWNING = word_set("fork vfork clone clone3")
EXECUTING = word_set("execve execveat")
WRITING = ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND")


def direction(call: str, flags: str = "") -> Direction:
    """Return which way information goes: from the object ``in``, ``out`` to it, or nowhere.

    A file that is opened may be read, unless the flags say that it may be written.

    Examples
    --------
    >>> direction("read"), direction("connect"), direction("openat", "O_WRONLY|O_CREAT"), direction("stat")
    ('in', 'out', 'out', '')
    """
    if call in INWARD:
        return "in"
    if call in OUTWARD:
        return "out"
    if call in OPENING:
        return "out" if call == "creat" or any(flag in flags for flag in WRITING) else "in"
    return ""
