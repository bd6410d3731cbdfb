"""The words of linking, in English and French: what explains a pair, and what the figures of a run are called.

They come on top of those of a report (`pipelines.report.words`), by which numbers are written, and of `figure_words`.
"""

from collections.abc import Mapping

from pipelines.linking.telling import figure_words
from pipelines.report import words as report_words
from pipelines.report.words import Words

ENGLISH: Words = (
    dict(report_words.ENGLISH)
    | dict(figure_words.ENGLISH)
    | {
        "linked": "linked",
        "doubtful": "doubtful",
        "apart": "apart",
        "unseen": "never compared",
        "is_linked": "Linked.",
        "is_doubtful": "Doubtful.",
        "is_apart": "Apart.",
        "is_tie": "Another record is likely too.",
        "is_forms": "Each of two forms stands in several records.",
        "is_lent": "One may have given the other's number.",
        "is_other": "Another record is likelier.",
        "is_differ": "Identifiers of one kind differ.",
        "is_decision": "The link was cut.",
        "is_identifiers": "The link was cut.",
        "is_sources": "The link was cut.",
        "is_size": "The link was cut.",
        "contradicted": "An identifier is the same, and all the rest speaks against it: a person decides.",
        "colon": ":",
        "scored": "Probability {probability}, linked from {link}.",
        "nothing": "Nothing tells much for it or against it.",
        "by_same": "{author} decided that they are {one}.",
        "by_different": "{author} decided that they are not {one}.",
        "by_unsure": "{author} was not sure.",
        "on_same": "Decided on {day} by {author}: they are {one}.",
        "on_different": "Decided on {day} by {author}: they are not {one}.",
        "on_unsure": "On {day}, {author} was not sure.",
        "somebody": "A person",
        "one_record": "the same",
        "one_person": "the same",
        "one_company": "the same",
        "one_address": "the same",
        "one_parcel": "the same",
        "note": "The note says: {note}",
        "why_same": "Whatever the weights say, a decision of a person holds.",
        "why_different": "Whatever the weights say, a decision of a person holds.",
        "why_unsure": "A person looked at it and was not sure: it stays open until somebody is.",
        "why_decision": "By itself it would be linked. It was cut as the weakest link of a chain between two records that a"
        " person decided to be different.",
        "why_identifiers": "By itself it would be linked. It was cut since a cluster would then hold two different"
        " identifiers of one kind.",
        "why_sources": "By itself it would be linked. It was cut since a cluster would then hold two records of one source,"
        " and each source is said to have a record once.",
        "why_size": "By itself it would be linked. It was cut since the cluster would grow beyond what can be believed.",
        "why_lent": "By itself it would be linked. It is not since the number is the same and the given name is another, with"
        " no date of birth that agrees: a child may be known by the number of a parent. A person must say.",
        "why_tie": "It is not linked since another one may be right: a person must choose.",
        "why_forms": "By itself it would be linked. It is not since two or more records have the one form of the given name,"
        " and two or more the other, the same in the rest: they may be twins. A person must say.",
        "why_other": "It is not linked since another one fits better.",
        "why_differ": "By itself it would be linked. It is not since the two have different identifiers of one kind: a person"
        " must say.",
        "strongly-for": "strongly for",
        "for": "for",
        "little": "little",
        "against": "against",
        "strongly-against": "strongly against",
        "missing": "nothing to compare",
        "rare": "{said}, rare ({often})",
        "common": "{said}, common ({often})",
        "known": "{said} ({often})",
        "often": "{part} in {whole}",
        "prior": "before looking",
        "prior_said": "of all pairs of records, {often} is {one}",
        "sum": "in all",
        "chance_same": "of pairs with this weight, {often} is {one}",
        "chance_false": "of pairs with this weight, {often} is not {one}",
        "fewer": "fewer than {often}",
        "checked": "The same {identifier}, and it is a valid one: this links them, whatever else is the same or not.",
        "unbelieved": "The same {identifier}, and it is a valid one. That would link them, but all the rest speaks against it:"
        " somebody may have typed another's. It is doubtful by a rule, whatever the weights.",
        "ruled": "a rule decides, not this sum",
        "thresholds": "Linked from {link}, shown to a person from {review}.",
        "explained_heads": "What is compared|{a}|{b}|What that is|Weight|It speaks",
        "below": "Scored too low to be kept, or never compared: no rule of the recipe brings these two together.",
        "decided_aside": "A person decided on these two, and that decision was set aside, since it contradicts other"
        " decisions: `beffroi decide` asks about it first.",
        "decided_pending": "A person has decided on these two since: it takes effect at the next run.",
        "one_cluster": "Both are in cluster {cluster}, through {count} link:|Both are in cluster {cluster}, through {count} links:",
        "weakest": "The weakest link that holds the cluster together: {a} and {b}, {probability}.",
        "its_cluster": "The record is in cluster {cluster}, alone in it.|The record is in cluster {cluster}, with {count} records in all. Its strongest links:",
        "its_pairs": "All that was found of the record, the likeliest first:",
        "alone": "No other record is like it: it was compared with none, or scored too low with all to be kept.",
        "links_of_heads": "A|B|Weight|Why",
        "figures_heads": "Column|Linked|By an identifier|Doubtful|Compared|Records that wait|Share",
        "why_together": "By itself it would be doubtful. Both are in one cluster by other links, so that nobody is asked.",
    }
)

FRENCH: Words = (
    dict(report_words.FRENCH)
    | dict(figure_words.FRENCH)
    | {
        "linked": "liés",
        "doubtful": "douteux",
        "apart": "distincts",
        "unseen": "jamais comparés",
        "is_linked": "Liés.",
        "is_doubtful": "Douteux.",
        "is_apart": "Distincts.",
        "is_tie": "Un autre enregistrement est probable aussi.",
        "is_forms": "Chacune des deux formes figure dans plusieurs enregistrements.",
        "is_lent": "L'un a pu donner le numéro de l'autre.",
        "is_other": "Un autre enregistrement est plus probable.",
        "is_differ": "Des identifiants d'une même sorte diffèrent.",
        "is_decision": "Le lien a été coupé.",
        "is_identifiers": "Le lien a été coupé.",
        "is_sources": "Le lien a été coupé.",
        "is_size": "Le lien a été coupé.",
        "contradicted": "Un identifiant est le même, et tout le reste parle contre : une personne décide.",
        "colon": " :",
        "scored": "Probabilité {probability}, liés à partir de {link}.",
        "nothing": "Rien ne plaide vraiment pour ou contre.",
        "by_same": "{author} a décidé que c'est {one}.",
        "by_different": "{author} a décidé que ce n'est pas {one}.",
        "by_unsure": "{author} ne savait pas.",
        "on_same": "Décidé le {day} par {author} : c'est {one}.",
        "on_different": "Décidé le {day} par {author} : ce n'est pas {one}.",
        "on_unsure": "Le {day}, {author} ne savait pas.",
        "somebody": "Une personne",
        "one_record": "le même enregistrement",
        "one_person": "la même personne",
        "one_company": "la même entreprise ou association",
        "one_address": "la même adresse",
        "one_parcel": "la même parcelle",
        "note": "La note dit : {note}",
        "why_same": "Quoi que disent les poids, la décision d'une personne l'emporte.",
        "why_different": "Quoi que disent les poids, la décision d'une personne l'emporte.",
        "why_unsure": "Une personne a regardé et ne savait pas : la question reste ouverte jusqu'à ce que quelqu'un sache.",
        "why_decision": "Seul, ce lien tiendrait. Il a été coupé : c'était le plus faible d'une chaîne entre deux"
        " enregistrements qu'une personne a décidés différents.",
        "why_identifiers": "Seul, ce lien tiendrait. Il a été coupé : le groupe aurait eu deux identifiants différents d'une"
        " même sorte.",
        "why_sources": "Seul, ce lien tiendrait. Il a été coupé : le groupe aurait eu deux enregistrements d'une même source,"
        " et il est dit qu'aucune source n'en a deux fois un.",
        "why_size": "Seul, ce lien tiendrait. Il a été coupé : le groupe serait devenu plus grand qu'on ne peut le croire.",
        "why_lent": "Par eux-mêmes, ils seraient liés. Ils ne le sont pas, car le numéro est le même et le prénom est un autre,"
        " sans date de naissance qui concorde : un enfant peut être connu sous le numéro d'un parent. Une personne doit le dire.",
        "why_tie": "Ils ne sont pas liés, car un autre peut être le bon : une personne doit choisir.",
        "why_forms": "Par eux-mêmes, ils seraient liés. Ils ne le sont pas, car au moins deux enregistrements portent une forme"
        " du prénom et au moins deux l'autre, tout le reste étant semblable : ce peuvent être des jumeaux. Une personne doit le"
        " dire.",
        "why_other": "Ils ne sont pas liés, car un autre convient mieux.",
        "why_differ": "Seul, ce lien tiendrait. Il ne tient pas, car les deux ont des identifiants différents d'une même sorte :"
        " une personne doit le dire.",
        "strongly-for": "fortement pour",
        "for": "pour",
        "little": "peu",
        "against": "contre",
        "strongly-against": "fortement contre",
        "missing": "rien à comparer",
        "rare": "{said}, rare ({often})",
        "common": "{said}, fréquent ({often})",
        "known": "{said} ({often})",
        "often": "{part} sur {whole}",
        "prior": "avant de regarder",
        "prior_said": "de toutes les paires, {often} est {one}",
        "sum": "en tout",
        "chance_same": "des paires de ce poids, {often} est {one}",
        "chance_false": "des paires de ce poids, {often} n'est pas {one}",
        "fewer": "moins de {often}",
        "checked": "Même {identifier}, et c'est un identifiant valide : cela les lie, quoi que disent les autres champs.",
        "unbelieved": "Même {identifier}, et c'est un identifiant valide. Cela les lierait, mais tout le reste parle contre :"
        " il peut être celui d'un autre, saisi par erreur. C'est douteux par règle, quels que soient les poids.",
        "ruled": "une règle décide, pas cette somme",
        "thresholds": "Liés à partir de {link}, montrés à une personne à partir de {review}.",
        "explained_heads": "Ce qui est comparé|{a}|{b}|Ce que c'est|Poids|Cela plaide",
        "below": "Noté trop bas pour être conservé, ou jamais comparé : aucune règle de la recette ne rapproche ces deux-là.",
        "decided_aside": "Une personne a décidé de ces deux-là, et cette décision a été écartée, car elle contredit d'autres"
        " décisions : `beffroi decide` la soumet en premier.",
        "decided_pending": "Une personne a décidé de ces deux-là depuis : cela prendra effet au prochain passage.",
        "one_cluster": "Tous deux sont dans le groupe {cluster}, par {count} lien :|Tous deux sont dans le groupe {cluster}, par {count} liens :",
        "weakest": "Le lien le plus faible qui tient le groupe : {a} et {b}, {probability}.",
        "its_cluster": "L'enregistrement est seul dans le groupe {cluster}.|L'enregistrement est dans le groupe {cluster}, avec {count} enregistrements en tout. Ses liens les plus forts :",
        "its_pairs": "Tout ce qui a été trouvé de l'enregistrement, le plus probable d'abord :",
        "alone": "Aucun autre ne lui ressemble : il n'a été comparé à aucun, ou tous sont notés trop bas pour être conservés.",
        "links_of_heads": "A|B|Poids|Pourquoi",
        "figures_heads": "Colonne|Liées|Par un identifiant|Douteuses|Comparées|Enregistrements en attente|Part",
        "why_together": "Seul, il serait douteux. Tous deux sont dans un même groupe par d'autres liens : la question ne se"
        " pose plus.",
    }
)

LANGUAGES: Mapping[str, Words] = {"en": ENGLISH, "fr": FRENCH}
