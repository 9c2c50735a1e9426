"""Each code block of the document has a test, and what of it is not run is named here."""

import pathlib

import document

DIRECTORY = pathlib.Path(__file__).parent

BLOCKS = {
    ("## Instalacja", 0): "test_document_settings.py::test_its_settings_start_a_system",
    ("## Konfiguracja", 0): "test_document_settings.py::test_its_settings_start_a_system",
    ("## Konfiguracja", 1): "test_document_settings.py::test_its_domains_wait_for_their_processes_and_are_served",
    ("### Logowanie i zarządzanie sesją", 0): "test_shell.py::test_logging_in_and_out",
    ("### Zarządzanie procesami", 0): "test_shell.py::test_processes",
    ("### Operacje na obiektach", 0): "test_shell.py::test_objects",
    ("### Zarządzanie domenami", 0): "test_shell.py::test_domains",
    ("## Zarządzanie procesami", 0): "test_python.py::test_the_structure_of_a_process",
    ("## Zarządzanie procesami", 1): "test_python.py::test_processes",
    ("## Dodawanie nowych procesów", 0): "test_directory.py::test_it_answers_on_8080_and_by_its_domain",
    ("## Dodawanie nowych procesów", 1): "test_directory.py::test_it_answers_on_8080_and_by_its_domain",
    ("## Dodawanie nowych procesów", 2): "test_directory.py::test_it_answers_on_8080_and_by_its_domain",
    ("## API gRPC", 0): "test_python.py::test_connecting",
    ("## API gRPC", 1): "test_python.py::test_processes_objects_and_domains",
    ("## API gRPC", 2): "test_python.py::test_errors",
    ("# Struktura projektu gRPC OS", 0): "test_tree.py::test_each_path_has_a_row",
}

# Lines of the block "Instalacja": an editor is the reader's, containers come with the issue that brings MariaDB.
NOT_RUN = ["nano .env  # Dostosuj zmienne środowiskowe", "docker-compose up -d"]


def test_each_block_has_a_test():
    assert [(block.heading, block.number) for block in document.blocks()] == list(BLOCKS)
    assert document.block("## Instalacja").commands[1:] == NOT_RUN


def test_the_tests_are_there():
    for test in set(BLOCKS.values()):
        file, name = test.split("::")
        assert f"def {name}(" in (DIRECTORY / file).read_text(), test
