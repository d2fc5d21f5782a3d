"""EPCIS 2.0 documents (GS1, https://ref.gs1.org/standards/epcis/2.0.0/): read, check, ask.

    events = parse(read_json(body))        # raises Refused with every problem found, each with its JSON pointer
    document = query_document([event.body for event in events])
"""

from shipments.epcis.documents import parse, query_document
from shipments.epcis.event import Event, Place, Thing
from shipments.epcis.problems import Problem, Refused
from shipments.epcis.strictjson import read_json
from shipments.epcis.vocabulary import short_name

__all__ = ["Event", "Place", "Problem", "Refused", "Thing", "parse", "query_document", "read_json", "short_name"]
