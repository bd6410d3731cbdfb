"""What click says of a line that it does not understand, in French: each sentence by its English template."""

from collections.abc import Mapping

SENTENCES: Mapping[str, str] = {
    "No such option {name}.": "il n'y a pas d'option {name}.",
    "No such option {name}. {hint:said}": "il n'y a pas d'option {name}. {hint}",
    "No such command {name:any}.": "il n'y a pas de commande {name}.",
    "No such command {name:any}. {hint:said}": "il n'y a pas de commande {name}. {hint}",
    "Did you mean {name}?": "Vouliez-vous dire {name} ?",
    "(Did you mean one of: {names:list}?)": "(Vouliez-vous dire l'un de : {names} ?)",
    "Missing command.": "il manque une commande.",
    "Missing argument {name:any}.": "il manque l'argument {name}.",
    "Missing option {name:any}.": "il manque l'option {name}.",
    "Got unexpected extra argument ({words:any})": "il y a un argument de trop ({words})",
    "Got unexpected extra arguments ({words:any})": "il y a des arguments de trop ({words})",
    "Option {name} requires an argument.": "l'option {name} veut une valeur.",
    "Option {name} does not take a value.": "l'option {name} ne prend pas de valeur.",
    "Invalid value for {name:any}: {wrong:said}": "valeur impossible pour {name} : {wrong}",
    "{value:quoted} is not one of {names:list}.": "{value} n'est aucun de {names}.",
    "{value:quoted} is not a valid integer.": "{value} n'est pas un nombre entier.",
    "{value:quoted} is not a valid integer range.": "{value} n'est pas un nombre entier.",
    "{value:quoted} is not a valid float range.": "{value} n'est pas un nombre.",
    "{value} is not in the range {range}.": "{value} n'est pas dans l'intervalle {range}.",
    "File {name:any} does not exist.": "le fichier {name} n'existe pas.",
    "File {name:any} is a directory.": "{name} est un dossier, et non un fichier.",
    "File {name:any} is not readable.": "le fichier {name} ne peut pas être lu.",
    "Directory {name:any} is a file.": "{name} est un fichier, et non un dossier.",
    "Directory {name:any} is not readable.": "le dossier {name} ne peut pas être lu.",
    "say an application and the name of a lookup or dataset, or one of them alone":
        "dites une application et le nom d'une consultation ou d'un jeu de données, ou l'un des deux seulement",
}  # fmt: skip
