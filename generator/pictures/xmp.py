"""The XMP packet that says, in the words of IPTC 2025.1, that a picture was made by a model, which one, and how.

``DigitalSourceType`` trainedAlgorithmicMedia, ``AISystemUsed``, ``AISystemVersionUsed`` and ``AIPromptInformation`` of
the IPTC Photo Metadata Standard 2025.1, https://iptc.org/std/photometadata/specification/; rights as plain words.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from generator.pictures.infotext import printable
from specs.checkpoint import Checkpoint
from specs.job import Job

KEYWORD = "XML:com.adobe.xmp"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/">
   <Iptc4xmpExt:DigitalSourceType>{source_type}</Iptc4xmpExt:DigitalSourceType>
   <Iptc4xmpExt:AISystemUsed>{system}</Iptc4xmpExt:AISystemUsed>
   <Iptc4xmpExt:AISystemVersionUsed>{version}</Iptc4xmpExt:AISystemVersionUsed>
   <Iptc4xmpExt:AIPromptInformation>{prompt}</Iptc4xmpExt:AIPromptInformation>
   <xmp:CreatorTool>{software}</xmp:CreatorTool>
   <xmpRights:UsageTerms><rdf:Alt><rdf:li xml:lang="x-default">{terms}</rdf:li></rdf:Alt></xmpRights:UsageTerms>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


def packet(job: Job, checkpoint: Checkpoint, software: str) -> str:
    """The XMP packet as text; every value escaped, whatever the prompt holds."""
    prompt = f"{job.prompt}\nNegative prompt: {job.negative_prompt}" if job.negative_prompt else job.prompt
    values = {
        "source_type": SOURCE_TYPE,
        "system": checkpoint.name,
        "version": job.weights_id,
        "prompt": prompt,
        "software": software,
        "terms": usage_terms(checkpoint),
    }
    return _PACKET.format(**{name: escape(printable(value)) for name, value in values.items()})


def usage_terms(checkpoint: Checkpoint) -> str:
    """One sentence on what is known of the licence of the model, which is all that this file can speak for."""
    if checkpoint.licence == "unknown":
        terms = f"Made with the model {checkpoint.name}, whose licence is unknown."
    else:
        terms = f"Made with the model {checkpoint.name}, licence {checkpoint.licence}."
    if checkpoint.use_restrictions:
        terms += f" Its use restrictions travel with this picture: {'; '.join(checkpoint.use_restrictions)}."
    return terms
